"""Batches of clips of different lengths: frames concatenated, cropped and normalised on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from sla_cli.data.augment import UNKNOWN, PixelTransform

GREY = (0.299, 0.587, 0.114)  # weights of red, green, blue (ITU-R BT.601)


@dataclass(frozen=True)
class Sample:
    """One clip.

    Attributes:
        frames: RGB uint8 (frames, height, width, 3), or their kept features, float16 (frames, width).
        transform: not applied yet; of no effect on features.
        targets: gloss numbers from 1.
        shown: int64 (frames,), what each frame shows, as in `View`; None if nothing is known.
    """

    id: str
    frames: np.ndarray
    transform: PixelTransform
    targets: tuple[int, ...]
    shown: np.ndarray | None = None


@dataclass(frozen=True)
class Batch:
    """Clips concatenated.

    Attributes:
        ids: of the clips, in the order of their frames.
        frames: RGB uint8 (all frames, height, width, 3), or their kept features, float16 (all frames, width).
        lengths: int64 (clips,), frames of each clip.
        transforms: one per clip, not applied yet; of no effect on features.
        targets: int64 (all glosses,), from 1.
        target_lengths: int64 (clips,).
        shown: int64 (all frames,), what each frame shows, as in `View`; None if nothing is known.
    """

    ids: tuple[str, ...]
    frames: Tensor
    lengths: Tensor
    transforms: tuple[PixelTransform, ...]
    targets: Tensor
    target_lengths: Tensor
    shown: Tensor | None

    @property
    def has_features(self) -> bool:
        """Whether its frames are features."""
        return self.frames.dim() == 2

    def pin_memory(self) -> Batch:
        shown = self.shown.pin_memory() if self.shown is not None else None
        return replace(self, frames=self.frames.pin_memory(), targets=self.targets.pin_memory(), shown=shown)

    def to(self, device: torch.device) -> Batch:
        """Frames, targets and what they show on the device; lengths stay on the CPU, where they are read."""
        frames, targets = (part.to(device, non_blocking=True) for part in (self.frames, self.targets))
        shown = self.shown.to(device, non_blocking=True) if self.shown is not None else None
        return replace(self, frames=frames, targets=targets, shown=shown)


class PixelStats(Protocol):
    """The input of a backbone: mean and deviation of pixels in 0..1 for 3 channels; bilinear or bicubic resizing."""

    mean: Sequence[float]
    std: Sequence[float]
    interpolation: str


def collate(samples: Sequence[Sample], frames: Tensor | None = None) -> Batch:
    """Put clips into a batch. `frames`: the frames of all samples, if they are in one tensor already."""
    if frames is None:
        frames = torch.from_numpy(np.concatenate([sample.frames for sample in samples]))
    return Batch(
        ids=tuple(sample.id for sample in samples),
        frames=frames,
        lengths=torch.tensor([len(sample.frames) for sample in samples]),
        transforms=tuple(sample.transform for sample in samples),
        targets=torch.tensor([number for sample in samples for number in sample.targets], dtype=torch.long),
        target_lengths=torch.tensor([len(sample.targets) for sample in samples]),
        shown=_shown(samples) if any(sample.shown is not None for sample in samples) else None,
    )


def _shown(samples: Sequence[Sample]) -> Tensor:
    """int64 (all frames,): what each frame shows."""
    unknown = (np.full(len(sample.frames), UNKNOWN) for sample in samples)
    parts = (part if sample.shown is None else sample.shown for sample, part in zip(samples, unknown, strict=True))
    return torch.from_numpy(np.concatenate(list(parts)))


def to_pixels(batch: Batch, *, crop: float, size: int, like: PixelStats, device: torch.device) -> Tensor:
    """Crop, mirror, resize, recolour, normalise and erase on the device: float32 (frames, 3, size, size).

    Args:
        crop: side of the crop over side of the stored frame.
        like: input of the backbone, for resizing and normalisation. Erased pixels become its mean.
    """
    frames = batch.frames.to(device, non_blocking=True).permute(0, 3, 1, 2)
    side = round(frames.shape[-1] * crop)
    free = frames.shape[-1] - side
    lengths = batch.lengths.tolist()
    parts = []
    for clip, transform in zip(frames.split(lengths), batch.transforms, strict=True):
        y, x = round(transform.top * free), round(transform.left * free)
        part = clip[..., y : y + side, x : x + side]
        parts.append(part.flip(-1) if transform.flip else part)
    pixels = torch.cat(parts).float()
    if side != size:
        pixels = F.interpolate(pixels, (size, size), mode=like.interpolation, antialias=True, align_corners=False)
        pixels = pixels.clamp_(0, 255)  # bicubic resizing exceeds the range of a byte
    for clip, transform in zip(pixels.split(lengths), batch.transforms, strict=True):
        if transform.colour is not None:
            _recolour(clip, *transform.colour)
    mean, std = (_of_channels(tuple(values), device) * 255 for values in (like.mean, like.std))
    pixels = (pixels - mean) / std
    for clip, transform in zip(pixels.split(lengths), batch.transforms, strict=True):
        if transform.hole is not None:
            y, x, height, width = (round(share * size) for share in transform.hole)
            clip[..., y : y + height, x : x + width] = 0
    return pixels


@cache
def _of_channels(values: tuple[float, ...], device: torch.device) -> Tensor:
    """(3, 1, 1); copied to the device only once, since the host waits for a copy."""
    with torch.inference_mode(False):  # otherwise training could not use a tensor made in evaluation
        return torch.tensor(values, device=device).view(3, 1, 1)


def _recolour(clip: Tensor, brightness: float, contrast: float, saturation: float) -> None:
    """In place, 0..255, with torchvision's formulas; contrast is relative to the clip's mean, which avoids flicker."""
    weights = _of_channels(GREY, clip.device)
    clip.mul_(brightness).clamp_(0, 255)
    mean = (clip * weights).sum(1).mean()
    clip.mul_(contrast).add_(mean * (1 - contrast)).clamp_(0, 255)
    grey = (clip * weights).sum(1, keepdim=True)
    clip.mul_(saturation).add_(grey * (1 - saturation)).clamp_(0, 255)
