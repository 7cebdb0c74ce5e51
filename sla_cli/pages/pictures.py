"""The pictures of pages, as data URIs: frames of a clip, and probabilities over time. The browser draws the text."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import BLANK

JPEG_QUALITY = 78
HUE, GREY = (231, 110, 64), (148, 139, 132)  # BGR: visible on white and on nearly black
GAMMA = 0.6  # makes small probabilities visible: alternatives of the model
MOST_ROWS = 16  # rows of a heat map without the blank

Picture = NDArray[np.uint8]  # RGB, (height, width, 3)


def middles(length: int, count: int) -> list[int]:
    """Numbers of the frames in the middles of `count` equal parts of a clip; none if the clip has no frames."""
    return [int((part + 0.5) * length / count) for part in range(count if length else 0)]


def squares(frames: Iterable[NDArray[np.uint8]], side: int) -> list[Picture]:
    """The frames, RGB, with `side` pixels on each side."""
    return [cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8) for frame in frames]


def film_strip(frames: Iterable[NDArray[np.uint8]], side: int) -> str:
    """Frames, RGB, as squares next to each other from left to right, as a JPEG."""
    strip = cv2.cvtColor(np.hstack(squares(frames, side)), cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return _data_uri("image/jpeg", encoded)


@dataclass(frozen=True)
class HeatMap:
    """Probabilities over time.

    Attributes:
        picture: a PNG of (rows, steps) pixels.
        rows: glosses from top to bottom; None is the blank.
        start, end: its place on the time axis of the page.
        title: text above it, "" for none.
    """

    picture: str
    rows: tuple[str | None, ...]
    start: float
    end: float
    title: str = ""


def heat_map(
    log_probs: NDArray[np.floating],
    glosses: Sequence[str],
    named: Collection[str],
    *,
    start: float,
    end: float,
    shown: NDArray[np.integer] | None = None,
    title: str = "",
) -> HeatMap:
    """Probabilities as the opacity of one colour, so one PNG fits light and dark pages; the blank is grey.

    Args:
        log_probs: float (steps, glosses + 1), natural log, at least one step; column 0 is the blank.
        glosses: the vocabulary, in the order of the other columns.
        named: glosses that have a row in any case.
        start, end, title: as of `HeatMap`.
        shown: the step of each pixel; by default, each step is a pixel.
    """
    columns = [*_relevant(log_probs, {column for column, one in enumerate(glosses, start=1) if one in named}), BLANK]
    probs = np.exp(log_probs[:, columns].T.clip(max=0.0))
    if shown is not None:
        probs = probs[:, shown]
    image = np.empty((*probs.shape, 4), np.uint8)
    for row, column in enumerate(columns):
        image[row, :, :3], strength = (GREY, 0.6) if column == BLANK else (HUE, 1.0)
        image[row, :, 3] = np.rint(255 * strength * probs[row] ** GAMMA)
    _, encoded = cv2.imencode(".png", image)
    names = (None, *glosses)
    return HeatMap(_data_uri("image/png", encoded), tuple(names[column] for column in columns), start, end, title)


def _relevant(log_probs: NDArray[np.floating], named: set[int]) -> list[int]:
    """Columns of the relevant glosses, ordered by the time at which they are most probable; without the blank.

    Those in `named`, then those that are the most probable at some step, the most probable first, up to MOST_ROWS.
    """
    peaks = log_probs.max(axis=0)
    tops = set(log_probs.argmax(axis=1).tolist()) - named - {BLANK}
    surest = [*sorted(named, key=lambda column: -peaks[column]), *sorted(tops, key=lambda column: -peaks[column])]
    return sorted(surest[:MOST_ROWS], key=lambda column: (int(log_probs[:, column].argmax()), column))


def _data_uri(kind: str, data: NDArray[np.uint8]) -> str:
    return f"data:{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"
