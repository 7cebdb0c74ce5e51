"""Ragged batches: the frames of all clips one after the other, cropped and normalised on the device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Sample:
    """One clip: RGB uint8 (frames, height, width, 3), crop and mirror, gloss numbers from 1."""

    id: str
    frames: np.ndarray
    corner: tuple[float, float]
    flip: bool
    targets: tuple[int, ...]


@dataclass(frozen=True)
class Batch:
    """Clips concatenated.

    Attributes:
        frames: RGB uint8 (all frames, height, width, 3).
        lengths: int64 (clips,), frames of each clip.
        corners: (top, left) of each clip's crop, as a share of the free space.
        flips: mirrored or not, each clip.
        targets: int64 (all glosses,), from 1.
        target_lengths: int64 (clips,).
    """

    ids: tuple[str, ...]
    frames: Tensor
    lengths: Tensor
    corners: tuple[tuple[float, float], ...]
    flips: tuple[bool, ...]
    targets: Tensor
    target_lengths: Tensor

    def pin_memory(self) -> Batch:
        return replace(self, frames=self.frames.pin_memory())


def collate(samples: Sequence[Sample]) -> Batch:
    """Concatenate clips into a batch."""
    return Batch(
        ids=tuple(sample.id for sample in samples),
        frames=torch.from_numpy(np.concatenate([sample.frames for sample in samples])),
        lengths=torch.tensor([len(sample.frames) for sample in samples]),
        corners=tuple(sample.corner for sample in samples),
        flips=tuple(sample.flip for sample in samples),
        targets=torch.tensor([number for sample in samples for number in sample.targets], dtype=torch.long),
        target_lengths=torch.tensor([len(sample.targets) for sample in samples]),
    )


def to_pixels(
    batch: Batch, *, crop: float, size: int, mean: Sequence[float], std: Sequence[float], device: torch.device
) -> Tensor:
    """Crop, mirror, resize and normalise on the device: float32 (frames, 3, size, size).

    Args:
        crop: side of the crop over side of the stored frame.
        mean, std: of pixels in 0..1, three channels.
    """
    frames = batch.frames.to(device, non_blocking=True).permute(0, 3, 1, 2)
    side = round(frames.shape[-1] * crop)
    free = frames.shape[-1] - side
    parts = []
    for clip, (top, left), flip in zip(frames.split(batch.lengths.tolist()), batch.corners, batch.flips, strict=True):
        y, x = round(top * free), round(left * free)
        part = clip[..., y : y + side, x : x + side]
        parts.append(part.flip(-1) if flip else part)
    pixels = torch.cat(parts).float()
    if side != size:
        pixels = F.interpolate(pixels, (size, size), mode="bilinear", antialias=True, align_corners=False)
    scale = torch.tensor(std, device=device).view(3, 1, 1) * 255
    shift = torch.tensor(mean, device=device).view(3, 1, 1) * 255
    return (pixels - shift) / scale
