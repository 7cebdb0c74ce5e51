"""What a decoder answers for one clip."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """Recognised glosses of one clip.

    Attributes:
        id: clip id.
        glosses: recognised glosses in order.
        score: log score of the decoder, higher is better (natural log; 0.0 where a file gives none).
        spans: one (start, end) a gloss, in video frames, end exclusive; empty where a file gives none.
    """

    id: str
    glosses: tuple[str, ...]
    score: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
