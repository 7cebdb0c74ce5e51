"""Where in a clip the glosses of its reference are."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.core.hypothesis import Glosses


@dataclass(frozen=True)
class Segment:
    """A gloss of the reference and its place in the clip.

    Attributes:
        span: (start, end) in video frames, end exclusive; None if the gloss could not be placed.
        confidence: from 0 to 1, the greatest posterior of the gloss within its span; 0 without a span.
        score: natural logarithm, at most 0: how much less probable the gloss is than the most probable column, at the
            step of its span where this difference is smallest. 0 means that the model recognises this gloss there.
        note: why the gloss has no span, "" if it has one.
    """

    gloss: str
    span: tuple[int, int] | None
    confidence: float = 0.0
    score: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class AlignedClip:
    """A clip's reference, aligned in time.

    Attributes:
        fps: video frames per second, 0.0 if unknown; spans divided by it are seconds.
        frames: length of the clip in video frames.
        segments: one for each gloss of the reference, in order.
        note: why no gloss of the clip has a span, "" if some have.
    """

    id: str
    fps: float
    frames: int
    segments: tuple[Segment, ...]
    note: str = ""

    @property
    def glosses(self) -> Glosses:
        return tuple(segment.gloss for segment in self.segments)

    @property
    def placed(self) -> tuple[Segment, ...]:
        """The segments that have a span."""
        return tuple(segment for segment in self.segments if segment.span is not None)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The spans of `placed`."""
        return tuple(segment.span for segment in self.segments if segment.span is not None)
