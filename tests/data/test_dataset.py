from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest
import torch
from synthetic import GLOSSES, SENTENCES, tiny, write_store

from sla_cli.config import TrainConfig
from sla_cli.data.augment import Look
from sla_cli.data.batching import Batch, Sample
from sla_cli.data.dataset import ClipDataset, evaluation_batches, training_batches
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.store import Store

CONFIG = tiny(train__batch=4, train__flip=0.5).train


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write_store(tmp_path_factory.mktemp("store"))


def clips(store: Store, config: TrainConfig = CONFIG, split: str = "train") -> ClipDataset:
    return ClipDataset(store[split], GLOSSES, 4, config)


def epoch_of(data: ClipDataset, epoch: int, done: int = 0) -> Iterable[Batch]:
    return training_batches(data, epoch, data.plan(epoch)[done:], pin=False)


def same(one: Sample, two: Sample) -> bool:
    return (one.id, one.look, one.targets) == (two.id, two.look, two.targets) and np.array_equal(one.frames, two.frames)


def contents(batches: Iterable[Batch]) -> list[tuple[object, ...]]:
    return [
        (batch.ids, batch.lengths.tolist(), batch.looks, batch.targets.tolist(), int(batch.frames.sum()))
        for batch in batches
    ]


def test_a_sample_depends_on_seed_epoch_and_index_alone(store: Store) -> None:
    forwards, backwards = clips(store), clips(Store(store.path))
    ahead = [forwards[1, index] for index in range(len(forwards))]
    behind = [backwards[1, index] for index in reversed(range(len(backwards)))]
    assert all(map(same, ahead, reversed(behind)))
    for other in (clips(store, replace(CONFIG, seed=1))[1, 0], forwards[2, 0]):
        assert not same(ahead[0], other)


def test_workers_change_nothing(store: Store) -> None:
    here = contents(epoch_of(clips(store), 1))
    for workers in (1, 2):
        elsewhere = clips(store, replace(CONFIG, workers=workers))
        assert contents(epoch_of(elsewhere, 1)) == here


def test_workers_start_beside_threads_of_opencv(store: Store) -> None:
    """A forked worker that touches a pool of threads that only its parent has waits for ever."""
    before = cv2.getNumThreads()
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("the worker hangs"))
    try:
        cv2.setNumThreads(4)
        cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 2)  # the pool is started by its first work
        signal.alarm(60)
        data = clips(store, replace(CONFIG, workers=1))
        assert sum(len(batch.ids) for batch in epoch_of(data, 1)) == len(data)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        cv2.setNumThreads(before)


UNCLOSED = """
import sys
from pathlib import Path
from synthetic import GLOSSES, tiny
from sla_cli.data.dataset import ClipDataset, evaluation_batches
from sla_cli.formats.store import Store

train = Store(Path(sys.argv[1]))["train"]
batches = evaluation_batches(ClipDataset(train, GLOSSES, 4, tiny(train__workers=2).train), pin=False)
try:
    for batch in batches:
        if sys.argv[2] == "raised":
            raise KeyboardInterrupt
        break
except KeyboardInterrupt as error:
    kept = error  # and with it the frame that holds the iterator
print(batch.ids[0])
"""


@pytest.mark.parametrize("how", ["raised", "left"])
def test_a_process_ends_though_nobody_closed_its_batches(store: Store, how: str) -> None:
    """Workers ignore the SIGTERM that Python sends them at exit before it waits for them."""
    answer = subprocess.run(
        [sys.executable, "-c", UNCLOSED, store.path, how],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.strip() == store["train"].ids[0]


def test_an_epoch_has_every_clip_once_in_an_order_of_its_own(store: Store) -> None:
    orders = []
    for epoch in (1, 2, 3, 4):
        batches = list(epoch_of(clips(store), epoch))
        assert [len(batch.ids) for batch in batches] == [4, 2]
        orders.append([name for batch in batches for name in batch.ids])
        assert sorted(orders[-1]) == sorted(store["train"].ids)
    assert len({tuple(order) for order in orders}) > 1


def test_targets_are_numbers_from_one(store: Store) -> None:
    sample = clips(store)[1, 1]
    assert [GLOSSES[number - 1] for number in sample.targets] == SENTENCES["train"][1].split()


def test_glosses_fit_though_the_clip_is_short(tmp_path: Path) -> None:
    store = write_store(tmp_path, {"train": ["NORD NORD GRAD GRAD NORD NORD"]}, hold=1)
    length = len(store["train"][0])
    assert length < 4 * 9
    for epoch in range(20):
        assert len(clips(store)[epoch, 0].frames) >= 4 * 9


def test_evaluation_is_every_clip_whole_in_the_stores_order(store: Store) -> None:
    batches = list(evaluation_batches(clips(store), pin=False))
    assert [batch.ids for batch in batches] == [(name,) for name in store["train"].ids]
    for batch, clip in zip(batches, store["train"], strict=True):
        assert np.array_equal(batch.frames.numpy(), clip.frames())
        assert batch.looks == (Look(0.5, 0.5, flip=False),)


def test_evaluation_needs_no_vocabulary(store: Store) -> None:
    data = ClipDataset(store["dev"], (), 4, CONFIG)
    assert len(list(evaluation_batches(data, pin=False))) == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_frame_is_named_as_by_the_store(tmp_path: Path, workers: int) -> None:
    store = write_store(tmp_path)
    with h5py.File(tmp_path / "train.h5", "r+") as file:
        file["bytes"][:] = 0
    data = clips(store, replace(CONFIG, workers=workers))
    with pytest.raises(FormatError) as caught:
        list(epoch_of(data, 1))
    assert "does not decode" in caught.value.message
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


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("values", [{}, {"batch_frames": 60, "bucket": 2}])
def test_the_rest_of_an_epoch_is_what_it_would_have_been(store: Store, workers: int, values: dict[str, int]) -> None:
    data = clips(store, replace(CONFIG, workers=workers, batch=2, jitter=0.2, erase=0.5, drop=0.1, **values))
    whole = contents(epoch_of(data, 2))
    for done in range(1, len(whole)):
        assert contents(epoch_of(data, 2, done)) == whole[done:]


def test_the_plan_knows_the_frames_of_each_step(store: Store) -> None:
    data = clips(store, replace(CONFIG, batch=2))
    plan = data.plan(3)
    assert [int(batch.lengths.sum()) for batch in epoch_of(data, 3)] == [step.frames for step in plan]


@pytest.fixture
def short(tmp_path: Path) -> Store:
    """train-1 has too few frames for its glosses at stride 4."""
    return write_store(
        tmp_path, {"train": ["NORD REGEN GRAD SONNE NORD GRAD", "NORD NORD GRAD GRAD NORD NORD"]}, hold=3
    )


def test_infeasible_clips_are_stretched_skipped_or_refused(short: Store, caplog: pytest.LogCaptureFixture) -> None:
    def seen(infeasible: str) -> list[str]:
        data = clips(short, replace(CONFIG, infeasible=infeasible))  # type: ignore[arg-type]
        with caplog.at_level(logging.WARNING, "sla"):
            data.warn_of_infeasible()
        return sorted(name for batch in epoch_of(data, 1) for name in batch.ids)

    assert seen("stretch") == ["train-0", "train-1"]
    assert "1 clips are too short for their glosses at stride 4, frames are repeated in them: train-1" in caplog.text
    assert seen("skip") == ["train-0"]
    assert "left out: train-1" in caplog.text
    with pytest.raises(SlaError, match="too short for their glosses at stride 4: train-1") as caught:
        seen("refuse")
    assert "infeasible=skip" in caught.value.hint


def test_too_few_clips_for_the_processes(store: Store) -> None:
    with pytest.raises(SlaError, match="6 clips to train on do not suffice for 7 processes"):
        clips(store).plan(1, world=7)
