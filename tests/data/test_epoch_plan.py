from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sla_cli.config.settings import TrainConfig
from sla_cli.data.epoch_plan import Step, cut_batches, plan_epoch

LENGTHS = st.lists(st.integers(4, 60), min_size=1, max_size=40)


def plan(lengths: list[int], epoch: int = 1, world: int = 1, **settings: int) -> list[Step]:
    return plan_epoch(range(len(lengths)), lengths, TrainConfig(**settings), epoch, world)


def batches(steps: list[Step]) -> list[tuple[int, ...]]:
    return [batch for step in steps for batches in step.rounds for batch in batches]


@given(LENGTHS, st.integers(1, 5), st.integers(0, 100), st.integers(0, 3), st.integers(1, 3), st.integers(1, 4))
@example([4, 4, 5, 4, 4], 2, 8, 0, 1, 4)  # clips of two batches were put together for the last process
def test_every_clip_once_within_the_bounds(
    lengths: list[int], batch: int, frames: int, bucket: int, accumulate: int, world: int
) -> None:
    steps = plan(lengths, world=world, batch=batch, batch_frames=frames, bucket=bucket, accumulate=accumulate)
    seen = [index for part in batches(steps) for index in part]
    assert len(seen) == len(set(seen))
    assert len(lengths) - len(seen) < world
    assert world > 1 or sorted(seen) == list(range(len(lengths)))
    for part in batches(steps):
        assert 1 <= len(part) <= batch
        assert not frames or len(part) == 1 or sum(lengths[index] for index in part) <= frames
    for number, step in enumerate(steps, start=1):
        assert all(len(shares) == world for shares in step.rounds)
        assert len(step.rounds) == accumulate or number == len(steps)
        assert step.clips == len([index for part in batches([step]) for index in part])
        assert step.frames == sum(lengths[index] for part in batches([step]) for index in part)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, [(2, 0, 1, 3)]),
        ({"max_clips": 1}, [(2,), (0,), (1,), (3,)]),
        ({"max_clips": 3}, [(2, 0, 1), (3,)]),
        ({"max_frames": 50}, [(2,), (0, 1), (3,)]),
        ({"max_frames": 50, "max_clips": 1}, [(2,), (0,), (1,), (3,)]),
        ({"max_frames": 60}, [(2,), (0, 1, 3)]),
    ],
)
def test_consecutive_clips_are_cut_into_batches(bounds: dict[str, int], expected: list[tuple[int, ...]]) -> None:
    lengths = [30, 20, 90, 10]
    assert cut_batches([2, 0, 1, 3], lengths, **bounds) == expected
    assert cut_batches([2, 0, 1, 3], dict(enumerate(lengths)), **bounds) == expected
    assert cut_batches([], lengths, **bounds) == []


@given(LENGTHS, st.integers(1, 3), st.integers(1, 4))
def test_processes_together_see_what_one_with_larger_batches_sees(lengths: list[int], batch: int, world: int) -> None:
    together = [
        sorted(index for part in batches([step]) for index in part) for step in plan(lengths, 1, world, batch=batch)
    ]
    alone = [sorted(index for part in batches([step]) for index in part) for step in plan(lengths, batch=batch * world)]
    assert together[: len(alone) - 1] == alone[: len(alone) - 1]


def test_seed_and_epoch_alone_say_the_order() -> None:
    lengths = list(range(10, 40))
    for settings in ({}, {"bucket": 4}):
        assert plan(lengths, 3, **settings) == plan(lengths, 3, **settings)
        assert batches(plan(lengths, 3, **settings)) != batches(plan(lengths, 4, **settings))
        assert batches(plan(lengths, 3, **settings)) != batches(plan(lengths, 3, seed=1, **settings))


def test_buckets_bring_clips_of_like_length_together() -> None:
    lengths = np.random.default_rng(0).integers(30, 230, 400).tolist()

    def spread(bucket: int) -> float:
        parts = batches(plan(lengths, batch=4, bucket=bucket))
        return float(np.mean([np.ptp([lengths[index] for index in part]) for part in parts]))

    assert spread(25) < spread(0) / 5
    sizes = [lengths[part[0]] for part in batches(plan(lengths, batch=4, bucket=100))]
    assert sizes != sorted(sizes) and sizes != sorted(sizes, reverse=True)


@pytest.mark.parametrize(("clips", "world", "steps"), [(3, 4, 0), (4, 4, 1), (9, 4, 2), (8, 4, 2)])
def test_too_few_clips_for_the_processes_wait(clips: int, world: int, steps: int) -> None:
    assert len(plan([10] * clips, world=world, batch=1)) == steps
