"""Clips as batches, in order, loaded by processes that end when their owner does."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Sequence
from ctypes import c_bool
from functools import partial
from multiprocessing.sharedctypes import RawValue
from multiprocessing.util import Finalize
from threading import Thread

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from sla_cli.data.batching import Batch, collate
from sla_cli.data.dataset import EVALUATION, ClipDataset
from sla_cli.data.sampling import Step
from sla_cli.errors import SlaError


def training_batches(
    data: ClipDataset, epoch: int, steps: Sequence[Step], pin: bool, process: int = 0
) -> Generator[Batch, None, None]:
    """One process's batches of these steps, in order. Close the iterator: that is what ends the workers.

    Raises:
        FormatError: a clip cannot be read.
    """
    keys = [[(epoch, index) for index in batches[process]] for step in steps for batches in step.rounds]
    return _load(_Batches(data, keys), pin)


def evaluation_batches(data: ClipDataset, pin: bool) -> Generator[Batch, None, None]:
    """Every clip once, in the store's order, one a batch: a clip's emission depends on nothing else. Close it too.

    Raises:
        FormatError: a clip cannot be read.
    """
    return _load(_Batches(data, [[(EVALUATION, index)] for index in range(len(data))]), pin)


def _load(batches: _Batches, pin: bool) -> Generator[Batch, None, None]:
    workers = batches.data.config.workers
    if workers < 0:
        cores = os.cpu_count() or 1
        workers = min(8, cores) if torch.cuda.is_available() else min(1, cores - 1)
    if workers:
        cv2.setNumThreads(1)  # before the fork: a child waits for ever for threads that only its parent has
    leaving = RawValue(c_bool, False) if workers else c_bool(False)
    calm = partial(_be_calm, leaving)
    loader = DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=pin, worker_init_fn=calm)
    leave = Finalize(None, setattr, (leaving, "value", True), exitpriority=1)  # at exit at the latest
    loaded = iter(loader)
    try:
        for batch in loaded:
            if isinstance(batch, SlaError):
                raise batch
            yield batch
    finally:
        leave()
        del loaded  # which ends the workers


def _be_calm(leaving: c_bool, _: int) -> None:
    """Signals go to whole process groups; what to do about them is the training process's business.

    At exit Python sends SIGTERM to its children and waits for them, so that one is minded then. A thread waits for it:
    a handler would interrupt system calls, of which PyTorch's request for shared memory fails where it is.
    """
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    Thread(target=_leave_when_told, args=(leaving,), daemon=True).start()


def _leave_when_told(leaving: c_bool) -> None:
    while not leaving.value:  # a signal from before this thread may be lost, what it was sent for is not
        signal.sigwait({signal.SIGTERM})
    os._exit(0)


class _Batches(Dataset[Batch | SlaError]):
    """Batches by number. An error is an item, since DataLoader would raise it with a worker's traceback in it."""

    def __init__(self, data: ClipDataset, keys: list[list[tuple[int, int]]]) -> None:
        self.data, self.keys = data, keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> Batch | SlaError:
        try:
            return collate(*self.data.batch(self.keys[number]))
        except SlaError as error:
            return error
