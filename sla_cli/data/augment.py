"""Augmentation, drawn from a seed of its own for each clip and epoch, so that resuming repeats it exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sla_cli.config import TrainConfig


@dataclass(frozen=True)
class View:
    """How a clip is looked at.

    Attributes:
        frames: int64 indices into the clip's frames, sorted, repeats allowed.
        top, left: corner of the crop as a share of the free space, 0 to 1.
        flip: mirrored left to right.
    """

    frames: np.ndarray
    top: float = 0.5
    left: float = 0.5
    flip: bool = False


def random_view(length: int, least: int, stride: int, config: TrainConfig, rng: np.random.Generator) -> View:
    """The lineage's augmentation: random crop, mirroring, temporal rescaling.

    Args:
        length: frames of the clip.
        least: frames below which its glosses would not fit (CTC).
        stride: the new length is a multiple of it.
    """
    wanted = round(length * rng.uniform(1 - config.rescale, 1 + config.rescale)) if config.rescale else length
    wanted = max(min(max(wanted, config.min_frames), config.max_frames), least)
    wanted = -(-wanted // stride) * stride
    chosen = rng.choice(length, wanted, replace=wanted > length) if wanted != length else np.arange(length)
    return View(np.sort(chosen), rng.uniform(), rng.uniform(), bool(rng.uniform() < config.flip))
