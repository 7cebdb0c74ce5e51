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
SLACK = 1e-2  # a log-probability may exceed 0 by this much: float16 and bfloat16 round


def check_log_probs(log_probs: NDArray[np.floating], columns: int) -> NDArray[np.floating]:
    """Refuse what no decoder can read. -inf (probability 0) is fine as long as a column of the step is not.

    Args:
        log_probs: float (T, columns), natural log.
        columns: glosses of the vocabulary plus the blank.

    Returns:
        The greatest of each step, float (T,), which finding this out yields anyway.

    Raises:
        SlaError: another shape, NaN, +inf, a step without any possible column, or values above 0.
    """
    if log_probs.ndim != 2 or log_probs.shape[1] != columns:
        raise SlaError(
            f"log-probabilities of shape {log_probs.shape} where (steps, {columns}) is needed",
            f"The vocabulary has {columns - 1} glosses plus the blank: are these emissions of another one?",
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
            f"output step {int(best.argmax())} holds {best.max():.4g}, which is no log-probability",
            "Emissions are natural log-probabilities (log-softmax), at most 0.",
        )
    return best


def greedy(log_probs: NDArray[np.floating]) -> list[tuple[int, int, int]]:
    """The best path, collapsed: repeats first, then blanks.

    Args:
        log_probs: float (T, V + 1).

    Returns:
        (column, start, end) of each label in order, in output steps, end exclusive.
    """
    return [run for run in _runs(log_probs.argmax(axis=1).tolist()) if run[0] != BLANK]


def force_align(log_probs: NDArray[np.floating], labels: Sequence[int]) -> list[tuple[int, int]]:
    """Where each label lies on the most probable path that collapses to `labels` (Viterbi).

    Args:
        log_probs: float (T, V + 1).
        labels: columns in order, no blanks.

    Returns:
        (start, end) of each label, in output steps, end exclusive.

    Raises:
        ValueError: the labels are not feasible in T steps.
    """
    if not feasible(len(log_probs), labels):
        raise ValueError(f"{len(labels)} labels do not fit in {len(log_probs)} output steps")
    if not labels:
        return []
    states = np.full(2 * len(labels) + 1, BLANK)  # blank, label, blank, label, ..., blank
    states[1::2] = labels
    skip = np.full(len(states), -np.inf)  # a blank between different labels may be skipped
    skip[3::2][states[3::2] != states[1:-2:2]] = 0
    emitted = log_probs[:, states].astype(np.float64).clip(-1e6)  # finite: an impossible path is a path still
    scores = np.full((len(emitted), len(states) + 2), -np.inf)  # two unreachable states ahead of the first
    scores[0, 2:4] = emitted[0, :2]
    for before, now, emission in zip(scores, scores[1:], emitted[1:], strict=False):
        best = np.maximum(before[2:], before[1:-1])
        np.maximum(best, before[:-2] + skip, out=best)
        np.add(best, emission, out=now[2:])
    runs = _runs(_best_states(scores.tolist(), skip.tolist()))
    return [(start, end) for state, start, end in runs if state % 2]


def minimum_steps(labels: Sequence[Any]) -> int:
    """Output steps that CTC needs at least: one a label, and a blank between equal neighbours."""
    return len(labels) + sum(left == right for left, right in pairwise(labels))


def output_steps(frames: int, stride: int) -> int:
    """Output steps of a clip: every `stride` video frames one, the last for what is left."""
    return -(-frames // stride)


def feasible(steps: int, labels: Sequence[Any]) -> bool:
    """Whether any path of `steps` output steps collapses to `labels`; if not, the CTC loss is infinite."""
    return steps >= minimum_steps(labels)


def frame_spans(spans: Iterable[tuple[int, int]], stride: int, frames: int) -> tuple[tuple[int, int], ...]:
    """Spans in output steps as spans in video frames, end exclusive, cut at the clip's end.

    Args:
        spans: (start, end) in output steps.
        stride: video frames an output step.
        frames: video frames of the clip.
    """
    return tuple((min(start * stride, frames), min(end * stride, frames)) for start, end in spans)


def _best_states(scores: list[list[float]], skip: list[float]) -> list[int]:
    """Follow the best path back from the last step; `scores` has two columns ahead of the first state."""
    state = len(skip) - 1 if scores[-1][-1] >= scores[-1][-2] else len(skip) - 2
    states = [state]
    for before in reversed(scores[:-1]):
        stayed, came, skipped = before[state + 2], before[state + 1], before[state] + skip[state]
        if stayed < max(came, skipped):
            state -= 1 if came >= skipped else 2
        states.append(state)
    return states[::-1]


def _runs(values: Iterable[int]) -> Iterator[tuple[int, int, int]]:
    """(value, start, end) of each run of equal values."""
    start = 0
    for value, run in groupby(values):
        end = start + sum(1 for _ in run)
        yield value, start, end
        start = end


def _fault(step: NDArray[np.floating]) -> str:
    if np.isnan(step).any():
        return "NaN"
    return "+inf" if np.isposinf(step).any() else "-inf in every column"
