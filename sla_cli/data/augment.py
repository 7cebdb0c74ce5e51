"""Augmentation. Each clip and epoch has its own random seed, so that a resumed run repeats it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sla_cli.config.settings import TrainConfig
from sla_cli.core.clip import Times, sign_frames
from sla_cli.errors import SlaError

NO_SIGN, UNKNOWN = 0, -1  # what a frame shows, if not a gloss
HOLE_AREA, HOLE_SHAPE = (0.02, 0.2), (0.5, 2.0)  # share of the picture; height over width (random erasing; choice)


@dataclass(frozen=True)
class PixelTransform:
    """Crop, mirroring, colours and erasing, the same for all frames of a clip. The default is the centre crop.

    Attributes:
        top, left: corner of the crop as a share of the free space, 0 to 1.
        flip: mirrored left to right.
        colour: factors of brightness, contrast and saturation; None changes nothing.
        hole: top, left, height and width of the erased rectangle, as shares of the crop; None erases nothing.
    """

    top: float = 0.5
    left: float = 0.5
    flip: bool = False
    colour: tuple[float, float, float] | None = None
    hole: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class View:
    """Which frames of a clip are shown, and how.

    Attributes:
        frames: int64 indices, sorted, repeats allowed.
        rest: how many of them are a held first and a held last frame, which stand for hands at rest.
        shown: int64, what each frame shows: the number of a gloss, NO_SIGN, or UNKNOWN; None if nothing is known.
    """

    frames: np.ndarray
    transform: PixelTransform
    rest: tuple[int, int] = (0, 0)
    shown: np.ndarray | None = None

    def of(self, known: np.ndarray | None) -> View:
        """The same view, with what the frames of the clip show. None: only the frames of rest are known."""
        if known is None and not any(self.rest):
            return self
        shown = np.full(len(self.frames), UNKNOWN) if known is None else known[self.frames]
        shown[: self.rest[0]] = shown[len(shown) - self.rest[1] :] = NO_SIGN
        return replace(self, shown=shown)


def known_frames(length: int, targets: Sequence[int], times: Times, fps: float) -> np.ndarray | None:
    """What each frame of a clip shows, int64 (frames,), from the times of its glosses; None if they are not known.

    Where two signs overlap, the second is shown.
    """
    if not times or not fps or len(times) != len(targets):
        return None
    shown = np.full(length, NO_SIGN)
    for target, (start, end) in zip(targets, sign_frames(times, fps, length), strict=True):
        shown[start:end] = target
    return shown


def check_lengths(config: TrainConfig) -> None:
    """Raise SlaError if no length keeps both limits."""
    if config.min_frames > config.max_frames:
        raise SlaError(
            f"train.min_frames {config.min_frames} is above train.max_frames {config.max_frames}",
            "Lower the first, or raise the second.",
        )


def view_length(length: int, least: int, stride: int, config: TrainConfig, rng: np.random.Generator) -> int:
    """Frames of a random view with its rest; draws from `rng` what `random_view` draws first.

    Args:
        length: frames of the clip.
        least: minimum number of frames that CTC needs for its glosses.
        stride: the new length is a multiple of it.
    """
    return sum(_parts(length, least, stride, config, rng))


def random_view(length: int, least: int, stride: int, config: TrainConfig, rng: np.random.Generator) -> View:
    """The augmentation of VAC and AdaptSign (random crop, mirroring, temporal rescaling), and further ones if set.

    Arguments as for `view_length`.
    """
    before, wanted, after = _parts(length, least, stride, config, rng)
    if wanted == length or (wanted > length and config.lengthen == "even"):
        chosen = np.arange(wanted) * length // wanted
    else:
        chosen = rng.choice(length, wanted, replace=wanted > length)
    transform = _random_transform(config, rng)
    shown = _dropped(np.sort(chosen), config, rng)
    return View(np.pad(shown, (before, after), mode="edge"), transform, (before, after))


def kept_transform(view: int, index: int, config: TrainConfig) -> PixelTransform:
    """That of a view of a clip whose features are kept: the centre crop for view 0, a random one for each other view.

    It is the same for every seed of training, so that all of them share the features.
    """
    return _random_transform(config, np.random.default_rng((view, index))) if view else PixelTransform()


def _random_transform(config: TrainConfig, rng: np.random.Generator) -> PixelTransform:
    corner, flip = (rng.uniform(), rng.uniform()), bool(rng.uniform() < config.flip)
    return PixelTransform(*corner, flip, _colour(config, rng), _hole(config, rng))


def _parts(length: int, least: int, stride: int, config: TrainConfig, rng: np.random.Generator) -> tuple[int, int, int]:
    """Frames of rest before a clip, of the clip, and of rest after it; their sum is a multiple of the stride."""
    wanted = round(length * rng.uniform(1 - config.rescale, 1 + config.rescale)) if config.rescale else length
    wanted = max(min(max(wanted, config.min_frames), config.max_frames), least)
    if not config.rest:
        return 0, -(-wanted // stride) * stride, 0
    before, after = (config.rest * rng.uniform(size=2) ** 2).astype(int).tolist()  # short ones are more frequent
    return before, wanted, after + -(before + wanted + after) % stride


def _dropped(frames: np.ndarray, config: TrainConfig, rng: np.random.Generator) -> np.ndarray:
    """Drops some frames, as a camera may do; the previous frame is repeated instead."""
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
