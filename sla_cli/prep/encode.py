"""Frames into the store's size and codec, and what that loses."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.formats.codec import decode, encode
from sla_cli.video.frames import FrameReader
from sla_cli.video.resize import fitted


@dataclass(frozen=True)
class EncodedFrames:
    """A clip's frames in memory, on their way into the cache.

    Attributes:
        data: the encoded frames one after the other, uint8 (bytes,).
        sizes: bytes of each, int64 (frames,).
        fps: frames per second of these frames; 0 where unknown.
        squared_error: mean over the values of one sampled frame of the squared difference that the codec makes;
            0 for a lossless one.
    """

    data: np.ndarray
    sizes: np.ndarray
    fps: float
    squared_error: float


def encode_clip(source: Source, config: PrepConfig, fps: float | None, cache: Path | None = None) -> EncodedFrames:
    """Read, cut, resample, resize and encode a clip.

    Args:
        fps, cache: as for `FrameReader`.

    Raises:
        FrameError: a frame or the whole source cannot be read; names the file and the frame.
    """
    frames = FrameReader(source, fps=fps, rate=config.fps, cache=cache)
    parts: list[np.ndarray] = []
    for number, (_, picture) in enumerate(frames):
        image = fitted(picture, config.size, config.fit, frames.pixel_aspect)
        parts.append(encode(image, config.codec, config.quality))
        if number & (number - 1) == 0:  # 0, 1, 2, 4, 8, ...: how many frames will come is not known
            sample = image, parts[-1]
    sizes = np.array([len(part) for part in parts], np.int64)
    image, data = sample
    decoded = decode(data, config.codec, config.size)
    assert decoded is not None  # it was encoded just now
    squared_error = float(np.mean(np.square(image.astype(np.float32) - decoded)))
    return EncodedFrames(np.concatenate(parts), sizes, frames.fps, squared_error)


def psnr(squared_errors: Iterable[float]) -> float | None:
    """Peak signal-to-noise ratio of 8-bit frames in dB, pooled over clips (not averaged); None where none is lost."""
    errors = list(squared_errors)
    mean = math.fsum(errors) / max(1, len(errors))
    return round(10 * math.log10(255**2 / mean), 2) if mean else None
