"""Confidences as probabilities: Platt scaling (Platt, 1999), and how far confidences are from it.

The height of a CTC spike orders glosses by how sure the model is, but is not the share of them that is right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10  # of equal width (Guo et al., ICML 2017)
PRIOR = 10.0  # precision of a slope of 1: as strong as about so many glosses, since dev may hold few errors
ROUNDS = 50  # of Newton's method, which needs about ten
CLOSEST = 1e-3  # to 0 and 1: a spike of 0.9999 is not ten times as sure as one of 0.999


@dataclass(frozen=True)
class Calibration:
    """A confidence c becomes the logistic function of slope * logit(c) + offset. The default changes nothing."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, confidences: Sequence[float]) -> tuple[float, ...]:
        """Probabilities that glosses are right, 0 to 1, rounded to 4 digits, of confidences from 0 to 1."""
        if self == UNCHANGED:
            return tuple(confidences)
        values = _logistic(self.slope * _logit(confidences) + self.offset)
        return tuple(round(float(value), 4) for value in values)


UNCHANGED = Calibration()


@dataclass(frozen=True)
class Bin:
    """Glosses of similar confidence.

    Attributes:
        glosses: their number.
        confidence: their mean confidence.
        correct: the share of them that is right.
    """

    glosses: int
    confidence: float
    correct: float


def fit(confidences: Sequence[float], correct: Sequence[bool]) -> Calibration:
    """The calibration under which glosses of a probability p are right in a share p of all cases.

    As Platt's, it expects neither certainly right nor certainly wrong glosses, so that few glosses, all of them right,
    do not make every confidence 1.
    """
    right, wrong = sum(correct), len(correct) - sum(correct)
    if not correct:
        return UNCHANGED
    target = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))
    rows = np.stack([_logit(confidences), np.ones(len(correct))], axis=1)
    values = np.array([1.0, 0.0])
    for _ in range(ROUNDS):
        found = _logistic(rows @ values)
        gradient = rows.T @ (found - target) + [PRIOR * (values[0] - 1), 0]
        curvature = rows.T @ (rows * (found * (1 - found))[:, None]) + np.diag([PRIOR, 1e-9])
        step = np.linalg.solve(curvature, gradient)
        values -= np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return Calibration(max(0.0, float(values[0])), float(values[1]))


def reliability(confidences: Sequence[float], correct: Sequence[bool]) -> list[Bin]:
    """The bins of a reliability diagram that hold glosses, lowest confidence first."""
    values, right = np.array(confidences, float), np.array(correct, bool)
    numbers = np.minimum((values * BINS).astype(int), BINS - 1)
    return [
        Bin(int(inside.sum()), float(values[inside].mean()), float(right[inside].mean()))
        for inside in (numbers == number for number in range(BINS))
        if inside.any()
    ]


def calibration_error(confidences: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Expected calibration error, 0 to 1: the mean over glosses of how far their bin is from its confidence.

    None without glosses.
    """
    bins = reliability(confidences, correct)
    total = sum(one.glosses for one in bins)
    return sum(one.glosses * abs(one.confidence - one.correct) for one in bins) / total if total else None


def _logit(confidences: Sequence[float]) -> NDArray[np.float64]:
    values = np.clip(np.array(confidences, float), CLOSEST, 1 - CLOSEST)
    return np.log(values) - np.log1p(-values)


def _logistic(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([1 / (1 + math.exp(-value)) if value > -700 else 0.0 for value in values])
