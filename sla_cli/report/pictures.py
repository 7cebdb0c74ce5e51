"""The pictures of the page: frames and log-probabilities as data URIs. The browser draws the text."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import BLANK
from sla_cli.store.split import StoredClip

TILES, TILE = 14, 104  # pictures of a film strip, and the side of each in pixels
JPEG_QUALITY = 78
HUE, GREY = (231, 110, 64), (148, 139, 132)  # BGR: visible on white and on nearly black
GAMMA = 0.6  # makes small probabilities visible: alternatives of the model


def film_strip(clip: StoredClip) -> str:
    """Frames of a clip next to each other from left to right, as a JPEG.

    Raises:
        FormatError: a frame does not decode.
    """
    strip = cv2.cvtColor(np.hstack(tiles(clip, TILES, TILE)), cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return _data_uri("image/jpeg", encoded)


def tiles(clip: StoredClip, count: int, side: int) -> list[NDArray[np.uint8]]:
    """Frames from the middles of `count` equal parts of a clip, RGB uint8 (side, side, 3).

    Raises:
        FormatError: a frame does not decode.
    """
    middles = ((np.arange(count) + 0.5) * len(clip) / count).astype(int)
    frames = (clip.frames(slice(time, time + 1))[0] for time in map(int, middles))
    return [cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in frames]


def heat_map(log_probs: NDArray[np.floating], columns: Sequence[int]) -> str:
    """Probabilities as the opacity of one colour, so one PNG fits light and dark pages; the blank is grey.

    Args:
        log_probs: float (steps, glosses + 1), natural log.
        columns: columns to show, one row each, from top to bottom.

    Returns:
        A PNG of (rows, steps) pixels.
    """
    probs = np.exp(log_probs[:, list(columns)].T.clip(max=0.0))
    image = np.empty((*probs.shape, 4), np.uint8)
    for row, column in enumerate(columns):
        image[row, :, :3], strength = (GREY, 0.6) if column == BLANK else (HUE, 1.0)
        image[row, :, 3] = np.rint(255 * strength * probs[row] ** GAMMA)
    _, encoded = cv2.imencode(".png", image)
    return _data_uri("image/png", encoded)


def _data_uri(kind: str, data: NDArray[np.uint8]) -> str:
    return f"data:{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
