"""Converts frames to the store's size and codec, and measures the loss."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.store.codec import decode, encode
from sla_cli.store.content import EncodedFrames
from sla_cli.video.frames import FrameReader
from sla_cli.video.resize import fitted

# Increase it whenever equal sources would give other frames, after a change of resize.py, timing.py, codec.py or this
# file. Frames of another version are made again.
ENCODER = 1


def encode_clip(
    source: Source, config: PrepConfig, fps: float | None, cache: Path | None = None, first: int | None = None
) -> EncodedFrames:
    """Read, cut, resample, resize and encode a clip.

    Args:
        fps: frame rate of a folder of pictures, if the corpus states it and the source itself does not.
        cache, first: as for `FrameReader`.

    Raises:
        FrameError: a frame or the whole source cannot be read; names the file and the frame.
    """
    frames = FrameReader(source, fps=source.fps or fps, rate=config.fps, first=first, cache=cache)
    parts: list[np.ndarray] = []
    for number, (_, picture) in enumerate(frames):
        image = fitted(picture, config.size, config.fit, frames.pixel_aspect)
        parts.append(encode(image, config.codec, config.quality))
        if number & (number - 1) == 0:  # 0, 1, 2, 4, 8, ...: the number of frames is not known in advance
            sample = image, parts[-1]
    sizes = np.array([len(part) for part in parts], np.int64)
    image, data = sample
    decoded = decode(data, config.codec, config.size)
    assert decoded is not None  # it has just been encoded
    squared_error = float(np.mean(np.square(image.astype(np.float32) - decoded)))
    return EncodedFrames(np.concatenate(parts), sizes, frames.fps, squared_error, frames.missing)


def psnr(squared_errors: Iterable[float]) -> float | None:
    """Peak signal-to-noise ratio of 8-bit frames in dB, pooled over clips (not averaged); None if none is lost."""
    errors = list(squared_errors)
    mean = math.fsum(errors) / max(1, len(errors))
    return round(10 * math.log10(255**2 / mean), 2) if mean else None
