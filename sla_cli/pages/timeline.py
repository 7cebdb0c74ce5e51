"""One clip on a time axis: frames, probabilities, and recognised glosses. Lengths are in percent of the clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from sla_cli.core.ctc import columns_of, feasible
from sla_cli.core.force_align import force_align
from sla_cli.pages.axis import Tick, exact
from sla_cli.pages.pictures import HeatMap, heat_map
from sla_cli.work.emissions import Emission

NARROWEST = 640  # pixels
PIXELS_A_CELL, PADDING = 7.6, 10.0  # pixels of a label: per terminal cell of text, and around the text
AIR = 1.25  # factor by which lanes are wider than their labels, which keeps labels near their bars


@dataclass(frozen=True)
class Bar:
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
    """A row of glosses under the heat maps.

    Attributes:
        spans: start and end of each gloss in video frames; () if not known.
        frames: number of video frames of the clip.
        ops: the alignment step of each gloss, as `Bar.op`; () if not known.
    """

    name: str
    glosses: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    frames: int
    ops: tuple[str, ...] = ()

    @property
    def label_pixels(self) -> list[float]:
        """Width of each gloss's label."""
        return [PIXELS_A_CELL * cell_len(gloss) + PADDING for gloss in self.glosses]

    def bars(self, pixels: int) -> list[Bar]:
        """Bars at the spans, and labels that begin at their bar if they do not overlap; none without spans.

        Args:
            pixels: width of the lane.
        """
        if len(self.spans) != len(self.glosses):
            return []
        starts = [100 * start / self.frames for start, _ in self.spans]
        ends = [100 * end / self.frames for _, end in self.spans]
        labels = _spread(starts, [100 * width / pixels for width in self.label_pixels])
        rooms = [after - label for label, after in zip(labels, [*labels, 100.0][1:], strict=True)]
        ops = self.ops or ("",) * len(self.glosses)
        return [
            Bar(gloss, op, start, end - start, label, room)
            for gloss, op, start, end, label, room in zip(self.glosses, ops, starts, ends, labels, rooms, strict=True)
        ]


@dataclass(frozen=True)
class Output:
    """What a model computed for a clip.

    Attributes:
        emission: of at least one step and one video frame.
        glosses: the vocabulary, in the order of the other columns.
        stride: video frames per step.
        lanes: what was decoded from it, a lane for each system.
    """

    emission: Emission
    glosses: tuple[str, ...]
    stride: int
    lanes: tuple[Lane, ...]


@dataclass(frozen=True)
class Timeline:
    """Everything that a picture of a clip shows.

    Attributes:
        film: data URI of the frames, None without frames.
        heat_maps: one per model; the last step may end after the last frame.
        lanes: the reference as aligned by the first model, then the lanes of each model.
        pixels: minimum width for the labels to fit.
    """

    film: str | None
    heat_maps: tuple[HeatMap, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[Tick, ...]
    unit: str
    pixels: int


def draw_timeline(
    outputs: Sequence[Output], reference: tuple[str, ...], *, fps: float = 0.0, film: str | None = None
) -> Timeline:
    """The outputs of models for one clip on one axis. They may have seen it at different frame rates.

    Args:
        reference: glosses of the reference.
        fps: frame rate of the first output, 0 if unknown.
        film: data URI of the frames.
    """
    first = outputs[0]
    lanes = (_reference(reference, first), *(lane for output in outputs for lane in output.lanes))
    return Timeline(
        film=film,
        heat_maps=tuple(_heat_map(output, reference) for output in outputs),
        lanes=lanes,
        ticks=tuple(exact(0.0, first.emission.frames / (fps or 1)).ticks),
        unit="s" if fps else "frames",
        pixels=max(NARROWEST, *(round(AIR * sum(lane.label_pixels)) for lane in lanes)),
    )


def _heat_map(output: Output, reference: Sequence[str]) -> HeatMap:
    return heat_map(
        output.emission.log_probs,
        output.glosses,
        {*reference, *(gloss for lane in output.lanes for gloss in lane.glosses)},
        start=0.0,
        end=100 * len(output.emission.log_probs) * output.stride / output.emission.frames,
        title=", ".join(lane.name for lane in output.lanes),
    )


def _reference(glosses: tuple[str, ...], output: Output) -> Lane:
    """The reference, aligned to this output; without times if the model cannot produce it."""
    column_of, emission = columns_of(output.glosses), output.emission
    labels = [column_of[gloss] for gloss in glosses if gloss in column_of]
    spans: tuple[tuple[int, int], ...] = ()
    if len(labels) == len(glosses) and feasible(len(emission.log_probs), labels):
        spans = emission.places(labels, force_align(emission.log_probs, labels), output.stride)
    return Lane("reference", glosses, spans, emission.frames)


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
