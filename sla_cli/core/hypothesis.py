"""What a decoder answers for one clip."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hypothesis:
    """Recognised glosses of one clip: one reading of it.

    Attributes:
        id: clip id.
        glosses: recognised glosses in order.
        score: log score of the decoder, higher is better (natural log; 0.0 where a file gives none).
        spans: one (start, end) a gloss, in video frames, end exclusive; empty where a file gives none.
        confidence: one number from 0 to 1 a gloss, 1 is certain; empty where a file gives none.
        rank: 1 is the clip's best reading.
    """

    id: str
    glosses: tuple[str, ...]
    score: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
    confidence: tuple[float, ...] = ()
    rank: int = 1
