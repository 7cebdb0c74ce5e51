"""What every gloss decoder answers, and the simplest of them: the best path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import check_log_probs, greedy
from sla_cli.search.confidence import as_confidence


class Decoded(NamedTuple):
    """One reading of a clip.

    Attributes:
        glosses: recognised glosses in order.
        score: natural log, higher is better.
        spans: one (start, end) a gloss, in output steps, end exclusive.
        confidence: one number from 0 to 1 a gloss, see confidence.py.
    """

    glosses: tuple[str, ...]
    score: float
    spans: tuple[tuple[int, int], ...]
    confidence: tuple[float, ...]


class GreedyDecoder:
    """Best path: the most probable column of each step, collapsed. Its score is the path's log-probability."""

    def __init__(self, glosses: Sequence[str]) -> None:
        self.glosses = tuple(glosses)

    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[Decoded]:
        """The best path, which is the only reading whatever `n` is.

        Args:
            log_probs: float (T, V + 1), natural log; column 0 is the blank, column i + 1 is glosses[i].

        Raises:
            SlaError: not log-probabilities of this vocabulary.
        """
        best = check_log_probs(log_probs, len(self.glosses) + 1)
        labels = greedy(log_probs)
        peaks = best.tolist()
        return [
            Decoded(
                tuple(self.glosses[column - 1] for column, _, _ in labels),
                float(best.sum(dtype=np.float64)),
                tuple((start, end) for _, start, end in labels),
                tuple(as_confidence(max(peaks[start:end])) for _, start, end in labels),
            )
        ]

    def decode(self, log_probs: NDArray[np.floating]) -> Decoded:
        """The best path of one clip. Raises as `nbest` does."""
        return self.nbest(log_probs, 1)[0]
