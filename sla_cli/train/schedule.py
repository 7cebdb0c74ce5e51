"""The learning rate at each moment of training."""

from __future__ import annotations

import math

from sla_cli.config import TrainConfig


def learning_rate(config: TrainConfig, done: float) -> float:
    """The rate of the step that begins after `done` epochs, fractions included.

    `step` multiplies by gamma after each milestone (lineage); `cosine` falls from lr to floor·lr at the last epoch
    (Loshchilov & Hutter, 2017). Warm-up multiplies either by a factor that rises from 0 to 1.
    """
    warm = min(1.0, done / config.warmup) if config.warmup else 1.0
    if config.schedule == "step":
        return config.lr * warm * config.gamma ** sum(done >= milestone for milestone in config.milestones)
    fall = (1 + math.cos(math.pi * min(1.0, done / config.epochs))) / 2
    return config.lr * warm * (config.floor + (1 - config.floor) * fall)
