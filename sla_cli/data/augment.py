"""Augmentation, drawn from a seed of its own for each clip and epoch, so that resuming repeats it exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sla_cli.config import TrainConfig

HOLE_AREA, HOLE_SHAPE = (0.02, 0.2), (0.5, 2.0)  # of the picture, height over width (random erasing; choice)


@dataclass(frozen=True)
class Look:
    """How each frame of a clip is shown; all frames alike.

    Attributes:
        top, left: corner of the crop as a share of the free space, 0 to 1.
        flip: mirrored left to right.
        colour: factors of brightness, contrast and saturation; None changes nothing.
        hole: top, left, height and width of what is erased, as shares of the crop; None erases nothing.
    """

    top: float = 0.5
    left: float = 0.5
    flip: bool = False
    colour: tuple[float, float, float] | None = None
    hole: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class View:
    """Which frames of a clip are shown, and how. `frames`: int64 indices, sorted, repeats allowed."""

    frames: np.ndarray
    look: Look


def view_length(length: int, least: int, stride: int, config: TrainConfig, rng: np.random.Generator) -> int:
    """Frames of a random view; takes from `rng` what `random_view` takes first.

    Args:
        length: frames of the clip.
        least: frames below which its glosses would not fit (CTC).
        stride: the new length is a multiple of it.
    """
    wanted = round(length * rng.uniform(1 - config.rescale, 1 + config.rescale)) if config.rescale else length
    wanted = max(min(max(wanted, config.min_frames), config.max_frames), least)
    return -(-wanted // stride) * stride


def random_view(length: int, least: int, stride: int, config: TrainConfig, rng: np.random.Generator) -> View:
    """The lineage's augmentation (random crop, mirroring, temporal rescaling) and, where set, what others add to it.

    Arguments as for `view_length`.
    """
    wanted = view_length(length, least, stride, config, rng)
    chosen = rng.choice(length, wanted, replace=wanted > length) if wanted != length else np.arange(length)
    corner, flip = (rng.uniform(), rng.uniform()), bool(rng.uniform() < config.flip)
    look = Look(*corner, flip, _colour(config, rng), _hole(config, rng))
    return View(_dropped(np.sort(chosen), config, rng), look)


def _dropped(frames: np.ndarray, config: TrainConfig, rng: np.random.Generator) -> np.ndarray:
    """Some frames lost, as a camera loses them: the one before is shown again."""
    if not config.drop:
        return frames
    kept = rng.uniform(size=len(frames)) >= config.drop
    return frames[np.maximum.accumulate(np.where(kept, np.arange(len(frames)), 0))]


def _colour(config: TrainConfig, rng: np.random.Generator) -> tuple[float, float, float] | None:
    if not config.jitter:
        return None
    brightness, contrast, saturation = rng.uniform(1 - config.jitter, 1 + config.jitter, 3).tolist()
    return brightness, contrast, saturation


def _hole(config: TrainConfig, rng: np.random.Generator) -> tuple[float, float, float, float] | None:
    """Random erasing (Zhong et al., 2020), one rectangle for the whole clip."""
    if not config.erase or rng.uniform() >= config.erase:
        return None
    area, shape = rng.uniform(*HOLE_AREA), np.exp(rng.uniform(*np.log(HOLE_SHAPE)))
    height, width = float(np.sqrt(area * shape)), float(np.sqrt(area / shape))
    return rng.uniform() * (1 - height), rng.uniform() * (1 - width), height, width
