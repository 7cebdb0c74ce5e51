from __future__ import annotations

import logging
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import clip_store
import numpy as np
import pytest
from loading_work import CONFIG, clips, epoch_of
from synthetic import GLOSSES, SENTENCES, tiny, write_store

from sla_cli.data.augment import NO_SIGN, PixelTransform
from sla_cli.data.batching import Sample
from sla_cli.data.dataset import SeenDataset
from sla_cli.data.loading import evaluation_batches
from sla_cli.data.seen import SeenClips
from sla_cli.errors import SlaError
from sla_cli.store.store import Store


def same(one: Sample, two: Sample) -> bool:
    return (one.id, one.transform, one.targets) == (two.id, two.transform, two.targets) and np.array_equal(
        one.frames, two.frames
    )


def test_a_sample_depends_on_seed_epoch_and_index_alone(store: Store) -> None:
    forwards, backwards = clips(store), clips(Store(store.path))
    ahead = [forwards[1, index] for index in range(len(forwards))]
    behind = [backwards[1, index] for index in reversed(range(len(backwards)))]
    assert all(map(same, ahead, reversed(behind)))
    for other in (clips(store, replace(CONFIG, seed=1))[1, 0], forwards[2, 0]):
        assert not same(ahead[0], other)


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


def test_frames_show_what_the_times_of_the_annotation_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    glosses, times = ("GRAD", "NORD"), ((0.4, 0.8), (1.2, 1.6))
    timed = replace(clip_store.clip("timed", " ".join(glosses), 48), times=times)
    crowded = replace(clip_store.clip("crowded", " ".join(glosses), 48), times=((0.4, 0.44), (0.44, 0.48)))
    store = clip_store.make_store(tmp_path, {"train": [timed, crowded, clip_store.clip("free", "NORD", 48)]})
    data = clips(Store(store), replace(CONFIG, rescale=0.0, rest=0))
    with caplog.at_level(logging.INFO):
        data.log_facts()
    assert "2 of 3 clips have times of their glosses, which training uses" in caplog.text
    for epoch in range(5):
        sample = data[epoch, 0]
        assert sample.shown is not None and len(sample.shown) == len(sample.frames)
        runs = [number for number, _ in groupby(sample.shown.tolist()) if number]
        assert [GLOSSES[number - 1] for number in runs] == list(glosses)
        assert sum(sample.shown > 0) == 20
        for other in (1, 2):  # both glosses in one output step, and no times at all
            assert data[epoch, other].shown is None


def test_times_that_leave_ctc_too_few_steps_beside_the_rest_are_not_used(tmp_path: Path) -> None:
    """Held frames of the first sign show no sign."""
    times = ((0.0, 0.04), (0.04, 0.08), (1.6, 1.64))
    edges = replace(clip_store.clip("edges", "GRAD NORD REGEN", 48), times=times)
    data = clips(Store(clip_store.make_store(tmp_path, {"train": [edges]})), replace(CONFIG, rescale=0.0, rest=40))
    for epoch in range(20):
        shown = data[epoch, 0].shown
        assert shown is not None and (shown.reshape(-1, 4) != NO_SIGN).any(1).sum() >= 3


def test_glosses_fit_though_the_clip_is_short(tmp_path: Path) -> None:
    store = write_store(tmp_path, {"train": ["NORD NORD GRAD GRAD NORD NORD"]}, hold=1)
    length = len(store["train"][0])
    assert length < 4 * 9
    for epoch in range(20):
        assert len(clips(store)[epoch, 0].frames) >= 4 * 9


def test_evaluation_is_every_clip_whole_in_the_stores_order(store: Store) -> None:
    train = store["train"]
    data = SeenDataset(SeenClips(train), range(len(train)), 4, tiny(model__image_size=train.size))
    batches = list(evaluation_batches(data, pin=False))
    assert [batch.ids for batch in batches] == [(name,) for name in store["train"].ids]
    for batch, clip in zip(batches, store["train"], strict=True):
        assert np.array_equal(batch.frames.numpy(), clip.frames())
        assert batch.transforms == (PixelTransform(0.5, 0.5, flip=False),)


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
        data.check_fits()
        with caplog.at_level(logging.WARNING, "sla"):
            data.log_facts()
        return sorted(name for batch in epoch_of(data, 1) for name in batch.ids)

    assert seen("stretch") == ["train-0", "train-1"]
    assert "1 clip is too short for the glosses at stride 4, frames are repeated in them: train-1" in caplog.text
    assert seen("skip") == ["train-0"]
    assert "left out: train-1" in caplog.text
    with pytest.raises(SlaError, match="too short for the glosses at stride 4: train-1") as caught:
        seen("refuse")
    assert "infeasible=skip" in caught.value.hint


def test_too_few_clips_for_the_processes(store: Store) -> None:
    with pytest.raises(SlaError, match="6 clips to train on are too few for 7 processes"):
        clips(store).plan(1, world=7)
