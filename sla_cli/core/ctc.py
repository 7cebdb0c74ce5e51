"""Connectionist temporal classification (Graves et al. 2006) on arrays: best path, feasibility, spans.

Posteriors are natural log-probabilities of shape (T output steps, V + 1 columns); column 0 is the blank.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sla_cli.errors import SlaError

BLANK = 0  # column
CERTAIN = 1e-2  # how far the sum of a row of probabilities may be from 1; half precision is within it
SLACK = 1e-2  # a log-probability may exceed 0 by this much: float16 and bfloat16 round


def check_log_probs(log_probs: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Refuse log-probabilities that no decoder can use. -inf (probability 0) is allowed, except in a whole step.

    Args:
        log_probs: float (T, columns), natural log.
        columns: glosses of the vocabulary plus the blank.

    Returns:
        The greatest of each step, float (T,), which this check computes anyway.

    Raises:
        SlaError: another shape, NaN, +inf, a step without any possible column, or values above 0.
    """
    if log_probs.ndim != 2 or log_probs.shape[1] != columns:
        raise SlaError(
            f"log-probabilities have shape {log_probs.shape}, but (steps, {columns}) is needed",
            f"The vocabulary has {columns - 1} glosses plus the blank: do the emissions belong to another vocabulary?",
        )
    best = log_probs.max(axis=1)  # the maximum keeps NaN and +inf, so one pass is enough
    if not np.isfinite(best).all():
        step = int(np.flatnonzero(~np.isfinite(best))[0])
        raise SlaError(
            f"output step {step} holds {_fault(log_probs[step])}",
            "The model has diverged or the emissions file is damaged: emit again from a good checkpoint.",
        )
    if (best > SLACK).any():
        raise SlaError(
            f"output step {int(best.argmax())} holds {best.max():.4g}, which is not a log-probability",
            "Emissions are natural log-probabilities (log-softmax), at most 0.",
        )
    return best


def are_probabilities(log_probs: NDArray[np.floating]) -> bool:
    """Whether the exponentials of each row, (T, columns), sum to 1; NaN does not count here."""
    with np.errstate(over="ignore"):
        sums = np.exp(log_probs).sum(axis=1, dtype=np.float64)
    return not (np.abs(sums - 1) > CERTAIN).any()


def greedy(log_probs: NDArray[np.floating]) -> list[tuple[int, int, int]]:
    """The best path, collapsed: repeats first, then blanks.

    Args:
        log_probs: float (T, V + 1).

    Returns:
        (column, start, end) of each label in order, in output steps, end exclusive.
    """
    return [run for run in runs(log_probs.argmax(axis=1).tolist()) if run[0] != BLANK]


def extended(labels: Sequence[int]) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """The states of CTC paths: blank, label, blank, label, ..., blank.

    Returns:
        The column of each state, and what a transition from two states before adds to a path's score: 0 if the blank
        may be skipped, which is between different labels and before the first one, else -inf.
    """
    states = np.full(2 * len(labels) + 1, BLANK)
    states[1::2] = labels
    skip = np.full(len(states), -np.inf)
    skip[3::2][states[3::2] != states[1:-2:2]] = 0
    skip[1:2] = 0
    return states, skip


def runs(values: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """(value, start, end) of each run of equal values."""
    start = 0
    for value, run in groupby(values):
        end = start + sum(1 for _ in run)
        yield value, start, end
        start = end


def columns_of(glosses: Iterable[str]) -> dict[str, int]:
    """The column of each gloss of a vocabulary, from 1; column 0 is the blank."""
    return {gloss: column for column, gloss in enumerate(glosses, start=1)}


def minimum_steps(labels: Sequence[Any]) -> int:
    """The fewest output steps that CTC needs: one per label, and a blank between equal neighbours."""
    return len(labels) + sum(left == right for left, right in pairwise(labels))


def output_steps(frames: int, stride: int) -> int:
    """Output steps of a clip: one for every `stride` video frames; the last may cover fewer."""
    return -(-frames // stride)


def feasible(steps: int, labels: Sequence[Any]) -> bool:
    """Whether any path of `steps` output steps collapses to `labels`; if not, the CTC loss is infinite."""
    return steps >= minimum_steps(labels)


def frame_spans(spans: Iterable[tuple[int, int]], stride: int, frames: int) -> tuple[tuple[int, int], ...]:
    """Spans in output steps as spans in video frames, end exclusive, cut at the clip's end.

    Args:
        spans: (start, end) in output steps.
        stride: video frames per output step.
        frames: video frames of the clip.
    """
    return tuple((min(start * stride, frames), min(end * stride, frames)) for start, end in spans)


def _fault(step: NDArray[np.floating]) -> str:
    if np.isnan(step).any():
        return "NaN"
    return "+inf" if np.isposinf(step).any() else "-inf in every column"


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
