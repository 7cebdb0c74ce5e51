"""Batches in order, loaded by worker processes that end with their parent."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import warnings
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from ctypes import c_bool
from functools import partial
from multiprocessing.sharedctypes import RawValue
from multiprocessing.util import Finalize, get_temp_dir
from pathlib import Path
from threading import Thread

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from sla_cli.core.counted import counted
from sla_cli.data.batching import Batch, collate
from sla_cli.data.dataset import ClipDataset, SeenDataset
from sla_cli.data.epoch_plan import Step
from sla_cli.errors import SlaError
from sla_cli.log import ONCE, log
from sla_cli.system.workers import signals, usable_cores

IGNORED = signals("SIGINT", "SIGUSR1")  # ignored by workers: the training process handles them
SOCKET = 107 if sys.platform == "linux" else 103  # most bytes of a socket's path


def training_batches(
    data: ClipDataset, epoch: int, steps: Sequence[Step], pin: bool, process: int = 0
) -> Generator[Batch, None, None]:
    """The batches of one process for these steps, in order.

    Close the iterator to end the workers. Raises FormatError if a clip cannot be read.
    """
    keys = [[(epoch, index) for index in batches[process]] for step in steps for batches in step.rounds]
    return _load(_Batches(data, keys), pin)


def evaluation_batches(data: SeenDataset, pin: bool) -> Generator[Batch, None, None]:
    """Every clip of `data` once, in its order, one per batch, so no clip affects another.

    Close the iterator to end the workers. Raises FormatError if a clip cannot be read.
    """
    return _load(_Batches(data, [[(0, index)] for index in range(len(data))]), pin)


def _load(batches: _Batches, pin: bool) -> Generator[Batch, None, None]:
    workers = batches.data.config.workers
    if workers < 0:
        cores = usable_cores()
        workers = min(8, cores) if torch.cuda.is_available() else min(1, cores - 1)
    if workers and not hasattr(signal, "pthread_sigmask"):  # Windows
        if batches.data.config.workers > 0:
            log.warning("this system lacks signals that workers need: clips are loaded in this process")
        workers = 0
    if workers and not _sockets_fit():
        log.warning("the path %s is too long for worker processes: clips are loaded in this one", tempfile.gettempdir())
        workers = 0
    workers = min(workers, len(batches))  # a dry run needs two
    if workers > (cores := usable_cores()):
        log.warning("train.workers: %d processes on %s", workers, counted(cores, "usable core"), extra=ONCE)
    if workers:
        cv2.setNumThreads(1)  # before the fork: a child would wait for threads that exist only in its parent
    # Workers inherit it until they ignore the signals themselves. Libraries begin threads in them before that, and one
    # that does not block SIGTERM would end its process.
    outer = signal.pthread_sigmask(signal.SIG_BLOCK, {*IGNORED, signal.SIGTERM}) if workers else None
    try:
        leaving = RawValue(c_bool, False) if workers else c_bool(False)
        init = partial(_ignore_signals, leaving)
        leave = Finalize(None, setattr, (leaving, "value", True), exitpriority=1)  # at the latest at exit
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This DataLoader will create")  # more processes than cores: see above
            loader = DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=pin, worker_init_fn=init)
            loaded = iter(loader)
    except OSError as error:  # no memory for a process, or a limit
        fault = f"no process that loads clips can be started: {error.strerror or error}"
        raise SlaError(fault, "Free memory; `sla train` also takes --set train.workers=0.") from error
    finally:
        if outer is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, outer)
    try:
        for batch in loaded:
            if isinstance(batch, SlaError):
                raise batch
            yield batch
    finally:
        leave()
        del loaded  # this ends the workers


def _sockets_fit() -> bool:
    """Whether workers can send batches, which uses sockets in a folder of multiprocessing.

    Before Python 3.14 that folder is in TMPDIR, even if its path is too long (in a Slurm job it may be). If a socket
    cannot be made there, a batch is lost and training would wait forever, so a long TMPDIR is replaced here.
    """
    before, name = tempfile.tempdir, "pymp-12345678/listener-12345678"
    if len(os.fsencode(Path(tempfile.gettempdir(), name))) > SOCKET and os.access("/tmp", os.W_OK | os.X_OK):
        tempfile.tempdir = "/tmp"
    try:
        folder = Path(get_temp_dir())  # made once per process
    finally:
        tempfile.tempdir = before
    return len(os.fsencode(folder / Path(name).name)) <= SOCKET


def _ignore_signals(leaving: c_bool, _: int) -> None:
    """For a worker: signals reach the whole process group, but only the training process handles them.

    At exit Python sends SIGTERM to its children and waits for them, so SIGTERM takes effect once `leaving` is set. A
    thread waits for it, since a handler would interrupt PyTorch's system calls for shared memory, which then fail.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    Thread(target=_exit_when_leaving, args=(leaving,), daemon=True).start()


def _exit_when_leaving(leaving: c_bool) -> None:
    while not leaving.value:
        signal.sigwait({signal.SIGTERM})
    os._exit(0)


class _Batches(Dataset[Batch | SlaError]):
    """Batches by number. An error is returned, since DataLoader would add the traceback of the worker to it."""

    def __init__(self, data: ClipDataset, keys: list[list[tuple[int, int]]]) -> None:
        self.data, self.keys = data, keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> Batch | SlaError:
        try:
            return collate(*self.data.batch(self.keys[number]))
        except SlaError as error:
            return error


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches. On a GPU each is copied there while the previous one is computed.

    Args:
        batches: in pinned memory; otherwise the host waits for the copy.
    """
    if device.type != "cuda":
        yield from batches
        return
    copies, ahead = torch.cuda.Stream(device), deque[tuple[Batch, torch.cuda.Event]]()
    for batch in batches:
        with torch.cuda.stream(copies):
            ahead.append((batch.to(device), copies.record_event()))
        if len(ahead) == 2:
            yield _ready(*ahead.popleft(), device)
    while ahead:
        yield _ready(*ahead.popleft(), device)


def _ready(batch: Batch, copied: torch.cuda.Event, device: torch.device) -> Batch:
    """The batch after its copy, for the stream that computes; the host does not wait."""
    current = torch.cuda.current_stream(device)
    current.wait_event(copied)
    for part in (batch.frames, batch.targets, batch.shown):
        if part is not None:
            part.record_stream(current)  # prevents that the next copy reuses its memory before it is used
    return batch
