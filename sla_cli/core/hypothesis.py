"""The result of a decoder for one clip."""

from __future__ import annotations

import re
from dataclasses import dataclass

Glosses = tuple[str, ...]  # glosses of one clip, in order
# What no gloss may be or hold: files and KenLM split at it, a terminal obeys it, or XML has no place for it.
NO_GLOSS = re.compile(r"^$|[\s\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # HDF5, sclite or sla's tables cannot hold these in a gloss


@dataclass(frozen=True)
class Hypothesis:
    """Recognised glosses of one clip: one entry of its n-best list.

    Attributes:
        id: clip id.
        glosses: recognised glosses in order.
        score: log score of the decoder, higher is better (natural log; 0.0 if a file gives none).
        spans: one (start, end) per gloss, in video frames, end exclusive; empty if a file gives none.
        confidence: the probability that each gloss is right, 0 to 1; empty if a file gives none.
        rank: 1 is the clip's best hypothesis.
        fps: video frames per second of the clip, 0.0 if unknown; spans divided by it are seconds.
    """

    id: str
    glosses: Glosses
    score: float = 0.0
    spans: tuple[tuple[int, int], ...] = ()
    confidence: tuple[float, ...] = ()
    rank: int = 1
    fps: float = 0.0

    @property
    def times(self) -> tuple[tuple[float, float], ...]:
        """Start and end of each gloss in seconds; () if spans or the frame rate are not known."""
        return tuple((start / self.fps, end / self.fps) for start, end in self.spans) if self.fps else ()
