"""One clip on a time axis: frames, probabilities, and recognised glosses. Lengths are in percent of the clip."""

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
from sla_cli.report.axis import Tick, exact
from sla_cli.report.pictures import film_strip, heat_map
from sla_cli.store.split import StoredClip
from sla_cli.work.emissions import Emission, EmissionHeader

MOST_ROWS = 16  # rows of the heat map without the blank
NARROWEST = 640  # pixels
PIXELS_A_CELL, PADDING = 7.6, 10.0  # pixels of a label: per terminal cell of text, and around the text
AIR = 1.25  # factor by which lanes are wider than their labels, which keeps labels near their bars


@dataclass(frozen=True)
class DecodedClip:
    """The result of one system for a clip."""

    system: str
    score: ClipScore
    hypothesis: Hypothesis


@dataclass(frozen=True)
class EmittedClip:
    """The emissions of a clip from one run, and the glosses that were decoded from them."""

    emission: Emission
    header: EmissionHeader
    decoded: tuple[DecodedClip, ...]


@dataclass(frozen=True)
class Mark:
    """A gloss on the axis: a bar over its span, and a label that begins at `label` and has the width `room`.

    `op` is its alignment step (C, S or I), "" if not known.
    """

    gloss: str
    op: str
    start: float
    length: float
    label: float
    room: float


@dataclass(frozen=True)
class Lane:
    """A row of glosses under the heat maps: `marks`, or only `glosses` if their times are not known.

    Spans are in video frames, () if not known; `ops` are alignment steps, as `Mark.op`.
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
    """A row of the heat map; `gloss` is None for the blank, `expected` is true if the reference has it."""

    gloss: str | None
    expected: bool


@dataclass(frozen=True)
class Panel:
    """The output of one run.

    Attributes:
        systems: names of the systems that use it.
        heat: data URI of the heat map.
        heat_width: percent; the last output step may end after the last frame.
    """

    systems: tuple[str, ...]
    heat: str
    heat_width: float
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class Timeline:
    """Everything that a picture of a clip shows.

    Attributes:
        film: data URI of the frames, None without frames.
        panels: one per run.
        lanes: the reference as aligned by the first run, then the hypothesis of each system.
        pixels: minimum width for the labels to fit.
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
    """Draw a clip of at least one frame and one output step; also its frames if the clip is in a store.

    Raises:
        FormatError: a frame does not decode.
    """
    first = emitted[0]
    frames = first.emission.frames
    decoded = tuple(answer for one in emitted for answer in one.decoded)
    reference = (clip.glosses if clip is not None else ()) or decoded[0].score.reference
    fps = first.emission.fps  # 0 if unknown
    lanes = [_reference(reference, first), *map(_decoded, decoded)]
    # Runs with other frame rates see another number of frames in the same time.
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
    """The relevant glosses, ordered by the time at which they are most probable; without the blank.

    Those in `named`, then those that are the most probable at some step, the most probable first, up to MOST_ROWS.

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
    """The reference, aligned to these emissions; without times if the model cannot produce it."""
    emission, column_of = clip.emission, _column_of(clip.header)
    labels = [column_of[gloss] for gloss in glosses if gloss in column_of]
    spans: tuple[tuple[int, int], ...] = ()
    if len(labels) == len(glosses) and feasible(len(emission.log_probs), labels):
        spans = frame_spans(force_align(emission.log_probs, labels), clip.header.stride, emission.frames)
    return Lane("reference", glosses, spans, ("",) * len(glosses))


def _decoded(answer: DecodedClip) -> Lane:
    """A hypothesis with the alignment step of each gloss, if normalisation did not change their number."""
    glosses = answer.hypothesis.glosses
    ops: tuple[str, ...] = tuple(pair.op for pair in answer.score.pairs if pair.hypothesis is not None)
    known = ops if len(ops) == len(glosses) else ("",) * len(glosses)
    return Lane(answer.system, glosses, answer.hypothesis.spans, known)


def _marks(lane: Lane, frames: int, pixels: int) -> tuple[Mark, ...]:
    """Bars at the spans, and labels that begin at their bar if they do not overlap."""
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
    """Left ends, near `starts`, of intervals of these widths that do not overlap and end by 100; they must fit."""
    lefts: list[float] = []
    free = 0.0
    for start, width in zip(starts, widths, strict=True):
        lefts.append(max(start, free))
        free = lefts[-1] + width
    limit = 100.0
    for index in reversed(range(len(lefts))):
        lefts[index] = limit = min(lefts[index], limit - widths[index])
    return lefts
