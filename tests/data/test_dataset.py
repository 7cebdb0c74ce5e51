from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from synthetic import GLOSSES, SENTENCES, tiny, write_store

from sla_cli.config import TrainConfig
from sla_cli.data.batching import Batch, Sample
from sla_cli.data.dataset import ClipDataset, evaluation_batches, training_batches
from sla_cli.errors import FormatError
from sla_cli.formats.store import Store

CONFIG = tiny(train__batch=4, train__flip=0.5).train


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write_store(tmp_path_factory.mktemp("store"))


def clips(store: Store, config: TrainConfig = CONFIG, split: str = "train") -> ClipDataset:
    return ClipDataset(store[split], GLOSSES, 4, config)


def same(one: Sample, two: Sample) -> bool:
    facts = one.id == two.id and one.corner == two.corner and one.flip == two.flip and one.targets == two.targets
    return facts and np.array_equal(one.frames, two.frames)


def contents(batches: Iterable[Batch]) -> list[tuple[object, ...]]:
    return [
        (batch.ids, batch.lengths.tolist(), batch.corners, batch.flips, batch.targets.tolist(), int(batch.frames.sum()))
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
    here = contents(training_batches(clips(store), 1, pin=False))
    for workers in (1, 2):
        elsewhere = clips(store, replace(CONFIG, workers=workers))
        assert contents(training_batches(elsewhere, 1, pin=False)) == here


def test_an_epoch_has_every_clip_once_in_an_order_of_its_own(store: Store) -> None:
    orders = []
    for epoch in (1, 2, 3, 4):
        batches = list(training_batches(clips(store), epoch, pin=False))
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
        assert batch.corners == ((0.5, 0.5),)
        assert batch.flips == (False,)


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
        list(training_batches(data, 1, pin=False))
    assert "does not decode" in caught.value.message
    assert "\n" not in caught.value.message
    assert "sla prep" in caught.value.hint


def test_loading_draws_the_same_random_numbers_with_workers_and_without(store: Store) -> None:
    """What training draws next (dropout) must not depend on how clips are loaded."""
    drawn = []
    for workers in (0, 1):
        torch.manual_seed(0)
        list(training_batches(clips(store, replace(CONFIG, workers=workers)), 1, pin=False))
        drawn.append(torch.rand(1).item())
    assert drawn[0] == drawn[1]
