"""Where the glosses of a reference lie in its clip."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.core.hypothesis import Glosses


@dataclass(frozen=True)
class Segment:
    """A reference gloss in its clip.

    Attributes:
        span: (start, end) in video frames, end exclusive; None where the gloss could not be placed.
        confidence: from 0 to 1, the greatest posterior of the gloss within its span; 0 without one.
        score: natural logarithm, at most 0: how much less probable the gloss is than the most probable column, at the
            step of its span where it comes nearest to it. 0 says that the model reads this gloss there.
        note: why the gloss has no span, "" where it has one.
    """

    gloss: str
    span: tuple[int, int] | None
    confidence: float = 0.0
    score: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class AlignedClip:
    """A clip's reference in time.

    Attributes:
        fps: video frames per second, 0.0 where unknown; spans divided by it are seconds.
        frames: length of the clip in video frames.
        segments: one for each gloss of the reference, in order.
        note: why no gloss of the clip has a span, "" where some have.
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
