"""How sure the model is of each gloss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIGITS = 4


def confidences(
    log_probs: NDArray[np.floating], columns: Sequence[int], spans: Sequence[tuple[int, int]]
) -> tuple[float, ...]:
    """The greatest posterior that each gloss reaches within its span: the height of its CTC spike.

    It says what the recogniser alone found: a gloss that only a language model or a hot word brought in has a low one.
    On real signing it told right glosses from wrong ones better than the share of the n-best list that has the gloss
    there, and than the mean posterior over the span (docs/decoding.md has the figures).

    Args:
        log_probs: float (T, V + 1), natural log.
        columns: of the glosses.
        spans: one (start, end) for each gloss in output steps, end exclusive.

    Returns:
        Numbers from 0 to 1, rounded to 4 digits.
    """
    return tuple(
        as_confidence(float(log_probs[start:end, column].max()))
        for column, (start, end) in zip(columns, spans, strict=True)
    )


def as_confidence(log_prob: float) -> float:
    """A probability from 0 to 1 with 4 digits, out of a natural logarithm that rounding may have put above 0."""
    return round(math.exp(min(log_prob, 0.0)), DIGITS)
