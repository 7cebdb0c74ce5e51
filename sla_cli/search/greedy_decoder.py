"""The simplest decoder: the best path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import check_log_probs, greedy
from sla_cli.search.confidence import as_confidence
from sla_cli.search.decoder import Decoder, StepHypothesis


class GreedyDecoder(Decoder):
    """Best path: the most probable column of each step, collapsed. Its score is the path's log-probability."""

    def __init__(self, glosses: Sequence[str]) -> None:
        self.glosses = tuple(glosses)

    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[StepHypothesis]:
        """The best path, which is the only hypothesis whatever `n` is; see `Decoder.nbest`."""
        best = check_log_probs(log_probs, len(self.glosses) + 1)
        labels = greedy(log_probs)
        peaks = best.tolist()
        return [
            StepHypothesis(
                tuple(self.glosses[column - 1] for column, _, _ in labels),
                float(best.sum(dtype=np.float64)),
                tuple((start, end) for _, start, end in labels),
                tuple(as_confidence(max(peaks[start:end])) for _, start, end in labels),
            )
        ]
