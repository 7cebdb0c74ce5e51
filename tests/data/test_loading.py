from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from multiprocessing.heap import BufferWrapper, Heap
from multiprocessing.util import get_temp_dir, register_after_fork
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch
from loading_work import CONFIG, clips, contents, epoch_of
from synthetic import GLOSSES, disk_with, tiny, write_store

from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import on_device, training_batches
from sla_cli.errors import FormatError, SlaError
from sla_cli.store.store import Store


def test_workers_change_nothing(store: Store) -> None:
    here = contents(epoch_of(clips(store), 1))
    for workers in (1, 2):
        elsewhere = clips(store, replace(CONFIG, workers=workers))
        assert contents(epoch_of(elsewhere, 1)) == here


def test_as_many_workers_as_there_are_batches(
    store: Store, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    """PyTorch's own warning about the cores is not shown."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    data = clips(store, replace(CONFIG, workers=256))
    before = set(multiprocessing.active_children())
    with closing(training_batches(data, 1, data.plan(1)[:2], False)) as batches:
        next(batches)
        assert len(set(multiprocessing.active_children()) - before) == 2
    assert "2 processes on 1 usable core" in caplog.text
    assert not [one for one in recwarn.list if "DataLoader" in str(one.message)]


def test_too_little_shared_memory_is_a_sentence(store: Store) -> None:
    """A container of Docker has 64 MiB of it; here a limit of files makes it smaller than a batch."""
    data = clips(store, replace(CONFIG, workers=1))
    message = r"too little shared memory for a batch of [\d,]+ bytes"
    with disk_with(1 << 16), pytest.raises(SlaError, match=message) as caught:
        list(epoch_of(data, 1))
    assert "--ipc=host" in caught.value.hint and "train.workers=0" in caught.value.hint


def test_processes_that_cannot_be_started_are_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here as files may not be as large as the memory that processes share at first."""
    monkeypatch.setattr(BufferWrapper, "_heap", Heap())
    data = clips(store, replace(CONFIG, workers=1))
    with disk_with(1000), pytest.raises(SlaError, match="no process that loads clips can be started: File too large"):
        list(epoch_of(data, 1))
    assert contents(epoch_of(data, 1)), "the next one can"


@pytest.mark.timeout(200)
def test_workers_start_beside_threads_of_opencv(store: Store) -> None:
    """A forked worker that uses a pool of threads of its parent would wait forever."""
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(4)
        cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 2)  # the pool is started by its first work
        data = clips(store, replace(CONFIG, workers=1))
        assert sum(len(batch.ids) for batch in epoch_of(data, 1)) == len(data)
    finally:
        cv2.setNumThreads(before)


UNCLOSED = """
import os
import signal
import sys
from pathlib import Path
from synthetic import GLOSSES, tiny
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import evaluation_batches
from sla_cli.store.store import Store

train = Store(Path(sys.argv[1]))["train"]
left, raised = (
    evaluation_batches(ClipDataset(train, GLOSSES, 4, tiny(train__workers=2).train), pin=False) for _ in range(2)
)
for batch in left:
    break
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGINT))
try:
    for other in raised:
        raise KeyboardInterrupt
except KeyboardInterrupt as error:
    kept = error  # and with it the frame that holds the iterator
print(batch.ids[0], other.ids[0])
"""


def test_a_process_ends_though_nobody_closed_its_batches(store: Store, tmp_path: Path, usual_signals: None) -> None:
    """After a loop that was left, and one that was interrupted.

    Python sends workers SIGTERM at exit, and waits until they end.

    Workers load in a temporary folder with a long path, though sockets have short ones. An interrupt while a worker
    starts is for its parent only.
    """
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    answer = subprocess.run(
        [sys.executable, "-c", UNCLOSED, store.path],
        env={**os.environ, "TMPDIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.split() == 2 * [store["train"].ids[0]]


def test_without_room_for_sockets_a_process_loads_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where multiprocessing has its folder already, with a long path."""
    monkeypatch.setitem(multiprocessing.current_process()._config, "tempdir", str(tmp_path / ("long" * 25)))
    assert "long" in get_temp_dir()
    before = multiprocessing.active_children()
    batches = iter(epoch_of(clips(store, replace(CONFIG, workers=1)), 1))
    assert next(batches).ids and set(multiprocessing.active_children()) <= set(before)
    assert "too long for worker processes" in caplog.text


def test_workers_go_on_through_signals_to_the_group(store: Store) -> None:
    """Slurm and a terminal send them to all processes; the main process handles them.

    Also where a library has a thread from the fork on, which takes each signal that it does not block.
    """
    library = threading.Thread(target=threading.Event().wait, daemon=True)
    register_after_fork(library, threading.Thread.start)
    expected = contents(epoch_of(clips(store, replace(CONFIG, batch=1)), 1))
    batches = iter(epoch_of(clips(store, replace(CONFIG, batch=1, workers=1)), 1))
    before = multiprocessing.active_children()
    found = contents([next(batches)])
    (worker,) = set(multiprocessing.active_children()) - set(before)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        os.kill(worker.pid, number)
    assert found + contents(batches) == expected


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_frame_is_named_as_by_the_store(tmp_path: Path, workers: int) -> None:
    write_store(tmp_path)
    with h5py.File(tmp_path / "clips.h5", "r+") as file:
        file["bytes"][:] = 0
    data = clips(Store(tmp_path), replace(CONFIG, workers=workers))
    with pytest.raises(FormatError) as caught:
        list(epoch_of(data, 1))
    assert "is damaged" in caught.value.message
    assert "\n" not in caught.value.message
    assert "sla prep" in caught.value.hint


def test_loading_draws_the_same_random_numbers_with_workers_and_without(store: Store) -> None:
    """What training draws next (dropout) must not depend on how clips are loaded."""
    drawn = []
    for workers in (0, 1):
        torch.manual_seed(0)
        list(epoch_of(clips(store, replace(CONFIG, workers=workers)), 1))
        drawn.append(torch.rand(1).item())
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(("workers", "values"), [(0, {"batch_frames": 60, "bucket": 2}), (2, {})])
def test_the_rest_of_an_epoch_is_what_it_would_have_been(store: Store, workers: int, values: dict[str, int]) -> None:
    data = clips(store, replace(CONFIG, workers=workers, batch=2, jitter=0.2, erase=0.5, drop=0.1, **values))
    whole = contents(epoch_of(data, 2))
    for done in range(1, len(whole)):
        assert contents(epoch_of(data, 2, done)) == whole[done:]


CUDA = pytest.param(
    "cuda", marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
)


@pytest.mark.parametrize("name", ["cpu", CUDA])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_batches_arrive_in_their_order(tmp_path: Path, name: str, steps: int) -> None:
    config, device = tiny(train__batch=2), torch.device(name)
    data = ClipDataset(write_store(tmp_path)["train"], GLOSSES, 4, config.train)
    plan = data.plan(1)[:steps]
    expected = list(training_batches(data, 1, plan, pin=False))
    arrived = list(on_device(training_batches(data, 1, plan, pin=name == "cuda"), device))
    assert [batch.ids for batch in arrived] == [batch.ids for batch in expected]
    for one, two in zip(arrived, expected, strict=True):
        assert one.frames.device.type == one.targets.device.type == name
        assert one.lengths.device.type == one.target_lengths.device.type == "cpu"
        assert torch.equal(one.frames.cpu(), two.frames) and torch.equal(one.targets.cpu(), two.targets)
