"""Where the glosses of a clip are in its video frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import BLANK, frame_spans
from sla_cli.core.force_align import align_frames

Spans = tuple[tuple[int, int], ...]

# Least score of no sign, 2 nats: where a frame shows another sign, so that a gloss does not fill a missed one's place.
MISSED = -16
# Frames next to a sign look like it, as their features also see its frames: as a share of the shortest sign (choice).
MARGIN = 1 / 6
PAUSE = 8  # shortest signs; between glosses that are emitted so far apart, a long recording is divided to save time


@dataclass(frozen=True)
class FrameScores:
    """Which sign each frame of a clip shows.

    Attributes:
        scores: int8 (frames, glosses + 1), in eighths of a nat; column 0 is no sign.
        least: frames that a sign has at least, with those next to it that look like it.
    """

    scores: NDArray[np.int8]
    least: int


def place(
    labels: Sequence[int], spans: Sequence[tuple[int, int]], stride: int, frames: int, shown: FrameScores | None
) -> Spans:
    """Where glosses are, in video frames, end exclusive.

    A gloss is where the frames show it: the best way to divide the frames between the glosses in their order, and no
    sign between them. Without scores of frames it is where a path of CTC emits it, which may be beside the sign.

    Args:
        labels: columns of the glosses, in order.
        spans: where a path of the log-probabilities emits them, in output steps.
        stride: video frames per output step.
        frames: video frames of the clip.
        shown: which sign each of them shows; None if the run has no scores.
    """
    emitted = frame_spans(spans, stride, frames)
    if shown is None:
        return emitted
    margin, places = margin_of(shown.least), []
    for first, last, begin, stop in _parts(emitted, frames, PAUSE * shown.least):
        part = shown.scores[begin:stop].copy()
        np.maximum(part[:, BLANK], MISSED, out=part[:, BLANK])
        for start, end in align_frames(part, labels[first:last], shown.least):
            places.append(_narrowed(begin + start, begin + end, margin))
    return tuple(places)


def margin_of(least: int) -> int:
    """Frames at both ends of a sign that look like it, but do not belong to it, for scores with this `least`."""
    return round(MARGIN * least)


def _parts(emitted: Spans, frames: int, pause: int) -> Iterator[tuple[int, int, int, int]]:
    """Of each part: its first gloss and the one after its last, its first frame and the one after its last.

    Parts are divided in the middle of each pause of so many frames.
    """
    first = begin = 0
    for number, ((_, end), (start, _)) in enumerate(pairwise(emitted), start=1):
        if start - end >= pause:
            middle = (start + end) // 2
            yield first, number, begin, middle
            first, begin = number, middle
    yield first, len(emitted), begin, frames


def _narrowed(start: int, end: int, margin: int) -> tuple[int, int]:
    """Without the margin at both ends, with at least one frame."""
    margin = min(margin, (end - start - 1) // 2)
    return start + margin, end - margin
