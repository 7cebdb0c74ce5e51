"""Where given labels are in time: forced alignment (Viterbi), exact for every input, to output steps or to frames.

A long clip has millions of pairs of step and state, and good paths use few of them. A first pass keeps only the states
whose score is near the best of their step, and finds a good path. The second pass leaves out the states through which
no better path can go: the best score up to there plus the greatest log-probability of each later step is less than the
good path's score. Scores are stored for one step in each block of steps, and those between are computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.counted import counted
from sla_cli.core.ctc import extended, feasible, runs

CELLS, SHORTEST = 131_072, 256  # pairs of step and state in a block (about), and its fewest steps
BEAM = 64.0  # nats below the best of its step; the beam of the first pass
ROUNDING = 1e-9  # relative; far above the rounding errors of float64 sums
FLOOR = -1e6  # nats: an impossible path is still a path

Scores = NDArray[np.float64]
Numbers = NDArray[np.floating] | NDArray[np.int8]
Least = Callable[[Scores, int], float]  # of the scores at a step, and the step: states below this score are left out


class _Trellis(NamedTuple):
    """The states through which a path goes, in order.

    Attributes:
        log_probs: (T, V + 1).
        states, skip: as the result of `extended`, each (S,).
        stay: (S,), what remaining in a state adds to a path's score: 0, or -inf where it is not possible.
    """

    log_probs: Numbers
    states: NDArray[np.int_]
    skip: Scores
    stay: Scores

    @property
    def block(self) -> int:
        """Number of steps in a block."""
        return max(SHORTEST, CELLS // len(self.states))


class _Row(NamedTuple):
    """Scores of the best paths into the states from `first` on, at one step."""

    first: int
    scores: Scores


class _Paths(NamedTuple):
    """The row before each block, the last block's scores, and the best path's last state (from 0) and score."""

    rows: list[_Row]
    block: Scores
    state: int
    score: float


def force_align(log_probs: NDArray[np.floating], labels: Sequence[int]) -> list[tuple[int, int]]:
    """Where each label is on the most probable path that collapses to `labels`.

    Args:
        log_probs: float (T, V + 1), natural log, column 0 the blank.
        labels: columns in order, no blanks.

    Returns:
        (start, end) of each label, in output steps, end exclusive.

    Raises:
        ValueError: the labels are not feasible in T steps.
    """
    if not feasible(len(log_probs), labels):
        raise ValueError(f"{counted(len(labels), 'label')} cannot fit in {counted(len(log_probs), 'output step')}")
    if not labels:
        return []
    states, skip = extended(labels)
    return _spans(_Trellis(log_probs, states, skip, np.zeros(len(states))), 1)


def align_frames(scores: Numbers, labels: Sequence[int], least: int) -> list[tuple[int, int]]:
    """Where each label is if it lasts `least` frames or longer, with or without frames of column 0 between two labels.

    Unlike on a path of CTC, a label fills all of its frames, and equal labels may follow each other directly.

    Args:
        scores: (T, V + 1), of which the sum is made greatest: natural logarithms of probabilities, or multiples of
            them; column 0 is no label.
        labels: columns in order, without 0.
        least: fewer if the labels would not fit.

    Returns:
        (start, end) of each label, in frames, end exclusive.

    Raises:
        ValueError: there are more labels than frames.
    """
    if len(labels) > len(scores):
        raise ValueError(f"{counted(len(labels), 'label')} cannot fit in {counted(len(scores), 'frame')}")
    if not labels:
        return []
    least = min(least, len(scores) // len(labels))
    states = np.zeros((len(labels), least + 1), np.int_)
    states[:, :least] = np.array(labels)[:, None]
    skip, stay = np.full((2, *states.shape), -np.inf)
    skip[:, 0] = 0
    stay[:, -2:] = 0
    return _spans(_Trellis(scores, np.append(0, states), np.append(-np.inf, skip), np.append(0, stay)), least)


def _spans(trellis: _Trellis, least: int) -> list[tuple[int, int]]:
    """The spans of the labels, each of which has `least` states, and one that is none before and after it."""
    path = _follow(trellis, _best_paths(trellis))
    labels = ((state - 1) // (least + 1) if state % (least + 1) else -1 for state in path)
    return [(start, end) for label, start, end in runs(labels) if label >= 0]


def _best_paths(trellis: _Trellis) -> _Paths:
    if len(trellis.states) <= 2 * trellis.block:  # a path gets so far within a block
        return _search(trellis, lambda scores, step: -np.inf)
    beam, good = BEAM, -np.inf
    while not np.isfinite(good):  # until the beam is wide enough to hold a path to the end
        good = _search(trellis, lambda scores, step: scores.max() - beam).score  # noqa: B023
        beam *= 4
    best = trellis.log_probs.max(axis=1).astype(np.float64).clip(FLOOR)
    later = best[::-1].cumsum()[::-1] - best  # the most that the steps after each step can add
    least = good - ROUNDING * (abs(good) + abs(later[0]))
    return _search(trellis, lambda scores, step: least - later[step])


def _search(trellis: _Trellis, least: Least) -> _Paths:
    """Viterbi over all steps; the states of a row that is kept are those from the first to the last of at least
    `least`.
    """
    rows = [_Row(0, np.empty(0))]
    steps = len(trellis.log_probs)
    for start in range(0, steps, trellis.block):
        end = min(start + trellis.block, steps)
        first, scores = rows[-1]
        block = _block(trellis, start, end, first, first + len(scores) + 2 * (end - start), scores)
        if end < steps:
            now = block[-1, 2:]
            kept = np.flatnonzero(now >= least(now, end - 1))
            rows.append(_Row(first + int(kept[0]), now[kept[0] : kept[-1] + 1].copy()))
    ends = np.full(len(trellis.states), -np.inf)
    ends[first : first + block.shape[1] - 2] = block[-1, 2:]
    state = len(ends) - (1 if ends[-1] >= ends[-2] else 2)
    return _Paths(rows, block, state, float(ends[state]))


def _block(trellis: _Trellis, start: int, end: int, first: int, last: int, before: Scores) -> Scores:
    """Scores of the best paths into the states `first` to `last` at the steps `start` to `end`, both ends exclusive.

    Args:
        before: scores of the first of these states at the step before; the others were not reachable.

    Returns:
        (1 + steps, 2 + states): first a row for the step before, and two columns for states that are not reachable.
    """
    emitted = trellis.log_probs[start:end, trellis.states[first:last]].astype(np.float64).clip(FLOOR)
    skip, stay = trellis.skip[first:last], trellis.stay[first:last]
    block = np.full((len(emitted) + 1, emitted.shape[1] + 2), -np.inf)
    block[0, 2 : 2 + len(before)] = before
    if start == 0:
        block[0, 1] = 0  # all paths begin before the first blank
    for previous, now, emission in zip(block, block[1:], emitted, strict=False):
        best = np.maximum(previous[2:] + stay, previous[1:-1])
        np.maximum(best, previous[:-2] + skip, out=best)
        np.add(best, emission, out=now[2:])
    return block


def _follow(trellis: _Trellis, paths: _Paths) -> list[int]:
    """The state of each step on the best path, followed back from the last one."""
    state, block, first = paths.state, paths.block, paths.rows[-1].first
    end = len(trellis.log_probs)
    states: list[int] = []
    for number, row in reversed(list(enumerate(paths.rows))):
        start = number * trellis.block
        if end < len(trellis.log_probs):  # within a block, a path can advance by at most this many states
            first = max(row.first, state - 2 * (end - start))
            block = _block(trellis, start, end, first, state + 1, row.scores[first - row.first :][: state + 1 - first])
        here = slice(first, first + block.shape[1] - 2)
        moves = _moves(block[:-1], trellis.skip[here], trellis.stay[here])
        for step in reversed(moves):
            states.append(state)
            state -= int(step[state - first])
        end = start
    return states[::-1]


def _moves(scores: Scores, skip: Scores, stay: Scores) -> NDArray[np.uint8]:
    """By how many states the best path advanced into each state, from the scores one step before."""
    came, skipped = scores[:, 1:-1], scores[:, :-2] + skip
    moves = 1 + (came < skipped).astype(np.uint8)
    return np.where(scores[:, 2:] + stay < np.maximum(came, skipped), moves, np.uint8(0))
