"""ln P(labels): the probability of all CTC paths that collapse to labels, by the forward algorithm (Graves et al.)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import extended


def log_likelihood(log_probs: NDArray[np.floating], labels: Sequence[int]) -> float:
    """Natural logarithm of the probability of `labels`, -inf if no path collapses to them.

    Args:
        log_probs: float (T, V + 1), natural log, column 0 the blank.
        labels: columns in order, no blanks.
    """
    states, skip = extended(labels)
    scores = np.full(len(states) + 2, -np.inf)
    scores[1] = 0  # all paths begin before the first blank
    for emission in log_probs:
        ways = np.logaddexp(np.logaddexp(scores[2:], scores[1:-1]), scores[:-2] + skip)
        scores[2:] = ways + emission[states]
        scores[1] = -np.inf
    return float(np.logaddexp(scores[-1], scores[-2]))
