"""The emission heat map of a long recording, in tiles that have different rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sla_cli.core.ctc import BLANK
from sla_cli.report.pictures import heat_map
from sla_cli.report.timeline import heat_columns
from sla_cli.transcribe.recognition import Recognition

MOST_STEPS = 256  # of a tile: short enough that its rows can show nearly all glosses of its time


@dataclass(frozen=True)
class Tile:
    """A stretch of the heat map.

    Attributes:
        start, end: seconds.
        picture: data URI of a PNG, a pixel for each row and step.
        rows: glosses from top to bottom; None is the blank.
    """

    start: float
    end: float
    picture: str
    rows: tuple[str | None, ...]


def heat_tiles(transcript: Recognition) -> Iterator[Tile]:
    """Tiles of about equal length from begin to end; none if the transcript has no probabilities."""
    if transcript.log_probs is None or transcript.step_times is None or not len(transcript.log_probs):
        return
    names, columns = (None, *transcript.glosses), _columns(transcript)
    steps = len(transcript.log_probs)
    borders = np.linspace(0, steps, -(-steps // MOST_STEPS) + 1).astype(int)
    for first, last in pairwise(borders):
        times = transcript.step_times[first : last + 1]
        named = {column for column, start, end in columns if start < times[-1] and end > times[0]}
        rows = [*heat_columns(transcript.log_probs[first:last], named), BLANK]
        picture = heat_map(transcript.log_probs[first + _evenly_spaced(times)], rows)
        yield Tile(float(times[0]), float(times[-1]), picture, tuple(names[column] for column in rows))


def _columns(transcript: Recognition) -> list[tuple[int, float, float]]:
    """Column, start and end of each sign that is in the vocabulary."""
    column_of = {gloss: column for column, gloss in enumerate(transcript.glosses, start=1)}
    return [(column_of[sign.gloss], sign.start, sign.end) for sign in transcript.signs if sign.gloss in column_of]


def _evenly_spaced(times: np.ndarray) -> np.ndarray:
    """The step in the middle of each pixel; steps have different lengths if frames have.

    Args:
        times: float64 (steps + 1,), borders of the steps.

    Returns:
        int (steps,).
    """
    steps = len(times) - 1
    middles = times[0] + (np.arange(steps) + 0.5) * (times[-1] - times[0]) / steps
    return np.clip(np.searchsorted(times, middles, side="right") - 1, 0, steps - 1)
