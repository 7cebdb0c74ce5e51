from __future__ import annotations

import pytest

from sla_cli.config import TrainConfig
from sla_cli.train.schedule import learning_rate


def test_step_falls_after_each_milestone() -> None:
    config = TrainConfig(lr=1.0, gamma=0.2, milestones=(2, 3), epochs=5)
    rates = [learning_rate(config, done) for done in (0, 1, 1.99, 2, 2.5, 3, 4.9)]
    assert rates == pytest.approx([1, 1, 1, 0.2, 0.2, 0.04, 0.04])


def test_cosine_falls_from_lr_to_its_floor() -> None:
    config = TrainConfig(lr=2.0, schedule="cosine", floor=0.1, epochs=10)
    assert [learning_rate(config, done) for done in (0, 5, 10)] == pytest.approx([2.0, 1.1, 0.2])
    rates = [learning_rate(config, done / 4) for done in range(41)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_warm_up_rises_from_nothing(schedule: str) -> None:
    warm = TrainConfig(schedule=schedule, warmup=2.0, milestones=(8,))  # type: ignore[arg-type]
    cold = TrainConfig(schedule=schedule, milestones=(8,))  # type: ignore[arg-type]
    assert learning_rate(warm, 0) == 0
    assert learning_rate(warm, 1) == pytest.approx(learning_rate(cold, 1) / 2)
    for done in (2, 7, 9):
        assert learning_rate(warm, done) == learning_rate(cold, done)
