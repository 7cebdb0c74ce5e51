"""One clip on a time axis: frames, probabilities, and what was recognised when. Lengths are percent of the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

from sla_cli.core.clip_score import ClipScore
from sla_cli.core.ctc import BLANK, feasible, frame_spans
from sla_cli.core.force_align import force_align
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.formats.emissions import Emission, EmissionHeader
from sla_cli.formats.store import StoredClip
from sla_cli.report.axis import Tick, exact
from sla_cli.report.pictures import film_strip, heat_map

MOST_ROWS = 16  # of the heat map, the blank apart
NARROWEST = 640  # pixels
PIXELS_A_CELL, PADDING = 7.6, 10.0  # of a label: a terminal cell of text, and what surrounds it
AIR = 1.25  # lanes as much wider than their labels, which then stay near their bars


@dataclass(frozen=True)
class DecodedClip:
    """What one system made of a clip."""

    system: str
    score: ClipScore
    hypothesis: Hypothesis


@dataclass(frozen=True)
class EmittedClip:
    """The emissions of a clip from one run, and what was decoded from them."""

    emission: Emission
    header: EmissionHeader
    decoded: tuple[DecodedClip, ...]


@dataclass(frozen=True)
class Mark:
    """A gloss in time: a bar over its span, and a label that begins at `label` and has `room`.

    `op` is how it was aligned (C, S or I), "" where that is not known.
    """

    gloss: str
    op: str
    start: float
    length: float
    label: float
    room: float


@dataclass(frozen=True)
class Lane:
    """A row of glosses under the heat maps: `marks`, or only `glosses` where their times are not known.

    Spans are in video frames, () where not known; `ops` say how each gloss was aligned, as `Mark.op`.
    """

    name: str
    glosses: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    ops: tuple[str, ...]
    marks: tuple[Mark, ...] = ()

    @property
    def pixels(self) -> list[float]:
        """Width of each gloss's label."""
        return [PIXELS_A_CELL * cell_len(gloss) + PADDING for gloss in self.glosses]


@dataclass(frozen=True)
class HeatRow:
    """A row of the heat map; `gloss` is None for the blank, `expected` says that the reference has it."""

    gloss: str | None
    expected: bool


@dataclass(frozen=True)
class Panel:
    """What one run saw.

    Attributes:
        systems: names of those that read it.
        heat: data URI.
        heat_width: percent; the last output step may reach past the last frame.
    """

    systems: tuple[str, ...]
    heat: str
    heat_width: float
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class Timeline:
    """All that a picture of a clip shows.

    Attributes:
        film: data URI, None without frames.
        panels: one per run.
        lanes: the reference where the first run would place it, then what each system recognised.
        pixels: width below which the labels would not fit.
    """

    id: str
    decoded: tuple[DecodedClip, ...]
    film: str | None
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    unit: str
    pixels: int


def draw_timeline(emitted: Sequence[EmittedClip], clip: StoredClip | None) -> Timeline:
    """Draw a clip of at least one frame and one output step; its frames too where there is a stored one.

    Raises:
        FormatError: a frame does not decode.
    """
    first = emitted[0]
    frames = first.emission.frames
    decoded = tuple(answer for one in emitted for answer in one.decoded)
    reference = (clip.glosses if clip is not None else ()) or decoded[0].score.reference
    fps = first.emission.fps  # 0 where unknown
    lanes = [_reference(reference, first), *map(_decoded, decoded)]
    # Runs of other frame rates see another number of frames in the same time.
    lengths = [frames, *(one.emission.frames for one in emitted for _ in one.decoded)]
    pixels = max(NARROWEST, *(round(AIR * sum(lane.pixels)) for lane in lanes))
    return Timeline(
        id=first.emission.id,
        decoded=decoded,
        film=None if clip is None else film_strip(clip),
        panels=tuple(_panel(one, reference) for one in emitted),
        lanes=tuple(replace(lane, marks=_marks(lane, seen, pixels)) for lane, seen in zip(lanes, lengths, strict=True)),
        ticks=tuple(exact(0.0, frames / (fps or 1)).ticks),
        unit="s" if fps else "frames",
        pixels=pixels,
    )


def heat_columns(log_probs: NDArray[np.floating], named: set[int]) -> list[int]:
    """The glosses that matter, ordered by when they are most probable; never the blank.

    Those in `named`, then those that are the most probable at some step, the surest first, up to MOST_ROWS.

    Args:
        log_probs: float (steps, glosses + 1), at least one step.
        named: columns.
    """
    peaks = log_probs.max(axis=0)
    tops = set(log_probs.argmax(axis=1).tolist()) - named - {BLANK}
    surest = [*sorted(named, key=lambda column: -peaks[column]), *sorted(tops, key=lambda column: -peaks[column])]
    return sorted(surest[:MOST_ROWS], key=lambda column: (int(log_probs[:, column].argmax()), column))


def _panel(clip: EmittedClip, reference: Sequence[str]) -> Panel:
    log_probs, header = clip.emission.log_probs, clip.header
    named = {*reference, *(gloss for answer in clip.decoded for gloss in answer.hypothesis.glosses)}
    columns = [
        *heat_columns(log_probs, {column for gloss, column in _column_of(header).items() if gloss in named}),
        BLANK,
    ]
    names = (None, *header.glosses)
    return Panel(
        systems=tuple(answer.system for answer in clip.decoded),
        heat=heat_map(log_probs, columns),
        heat_width=100 * len(log_probs) * header.stride / clip.emission.frames,
        rows=tuple(HeatRow(names[column], names[column] in reference) for column in columns),
    )


def _column_of(header: EmissionHeader) -> dict[str, int]:
    return {gloss: column for column, gloss in enumerate(header.glosses, start=1)}


def _reference(glosses: tuple[str, ...], clip: EmittedClip) -> Lane:
    """The reference where these emissions fit it best; without times where the model cannot produce it."""
    emission, column_of = clip.emission, _column_of(clip.header)
    labels = [column_of[gloss] for gloss in glosses if gloss in column_of]
    spans: tuple[tuple[int, int], ...] = ()
    if len(labels) == len(glosses) and feasible(len(emission.log_probs), labels):
        spans = frame_spans(force_align(emission.log_probs, labels), clip.header.stride, emission.frames)
    return Lane("reference", glosses, spans, ("",) * len(glosses))


def _decoded(answer: DecodedClip) -> Lane:
    """A hypothesis with how each gloss was aligned, as long as normalisation left their number alone."""
    glosses = answer.hypothesis.glosses
    ops: tuple[str, ...] = tuple(pair.op for pair in answer.score.pairs if pair.hypothesis is not None)
    known = ops if len(ops) == len(glosses) else ("",) * len(glosses)
    return Lane(answer.system, glosses, answer.hypothesis.spans, known)


def _marks(lane: Lane, frames: int, pixels: int) -> tuple[Mark, ...]:
    """Bars where the spans are, and labels that begin with their bar wherever they do not get in each other's way."""
    if len(lane.spans) != len(lane.glosses):
        return ()
    starts = [100 * start / frames for start, _ in lane.spans]
    labels = _spread(starts, [100 * width / pixels for width in lane.pixels])
    return tuple(
        Mark(gloss, op, start, 100 * end / frames - start, label, after - label)
        for gloss, op, start, (_, end), label, after in zip(
            lane.glosses, lane.ops, starts, lane.spans, labels, [*labels, 100.0][1:], strict=True
        )
    )


def _spread(starts: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Left ends near `starts` of intervals of these widths that do not overlap and end at 100; they need to fit."""
    lefts: list[float] = []
    free = 0.0
    for start, width in zip(starts, widths, strict=True):
        lefts.append(max(start, free))
        free = lefts[-1] + width
    limit = 100.0
    for index in reversed(range(len(lefts))):
        lefts[index] = limit = min(lefts[index], limit - widths[index])
    return lefts
