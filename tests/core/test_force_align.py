from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peak_memory import peak_memory

from sla_cli.core.ctc import greedy
from sla_cli.core.force_align import align_frames, force_align

Spans = list[tuple[int, int]]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def spans_of(path: list[int]) -> Spans:
    """Spans of the states with odd numbers."""
    runs = [(state, len(list(run))) for state, run in itertools.groupby(path)]
    ends = itertools.accumulate(length for _, length in runs)
    return [(end - length, end) for (state, length), end in zip(runs, ends, strict=True) if state % 2]


def plain_viterbi(log_probs: np.ndarray, labels: list[int]) -> Spans:
    """The textbook's algorithm over every state of every step."""
    states = np.array([0, *(column for label in labels for column in (label, 0))])
    emitted = np.maximum(log_probs[:, states].astype(np.float64), -1e6)
    may_skip = np.array(
        [state % 2 and state > 2 and states[state - 2] != states[state] for state in range(len(states))]
    )
    scores = np.where(np.arange(len(states)) < 2, emitted[0], -np.inf)
    moves: list[np.ndarray] = []
    for emission in emitted[1:]:
        before = np.concatenate([[-np.inf, -np.inf], scores])
        ways = np.stack([before[2:], before[1:-1], np.where(may_skip, before[:-2], -np.inf)])  # of equals the first
        moves.append(ways.argmax(0))
        scores = ways.max(0) + emission
    state = len(states) - (1 if scores[-1] >= scores[-2] else 2)
    path = [state]
    for came_from in reversed(moves):
        state -= int(came_from[state])
        path.append(state)
    return spans_of(path[::-1])


def signing(rng: np.random.Generator, steps: int, columns: int, labels: int, wrong: float) -> tuple[np.ndarray, list]:
    """Log-probabilities of a number of labels, and the reference of an annotator with a rate of errors."""
    starts = np.sort(rng.choice(steps // 3, labels, replace=False)) * 3
    true = rng.integers(1, columns, labels)
    logits = rng.standard_normal((steps, columns)).astype(np.float32)
    path = np.zeros(steps, int)
    path[starts], path[starts + 1] = true, true
    logits[range(steps), path] += rng.uniform(6, 12, steps)
    written = np.where(rng.random(labels) < wrong, rng.integers(1, columns, labels), true)
    return log_softmax(logits), written[rng.random(labels) >= wrong / 2].tolist()


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_best_path_of_all_that_collapse_to_the_labels(seed: int) -> None:
    log_probs = log_softmax(2 * np.random.default_rng(seed).standard_normal((5, 3)))
    best: dict[tuple[int, ...], tuple[float, tuple[int, ...]]] = {}
    for path in itertools.product(range(3), repeat=5):
        score = log_probs[range(5), path].sum()
        labels = tuple(column for column, _ in itertools.groupby(path) if column)
        best[labels] = max(best.get(labels, (-np.inf, ())), (score, path))
    for labels, (_, path) in best.items():
        runs = [(label, len(list(run))) for label, run in itertools.groupby(path)]
        ends = list(itertools.accumulate(length for _, length in runs))
        spans = [(end - length, end) for (label, length), end in zip(runs, ends, strict=True) if label]
        assert force_align(log_probs, labels) == spans


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_that_of_the_best_path_is_the_best_path(seed: int, steps: int) -> None:
    log_probs = log_softmax(2 * np.random.default_rng(seed).standard_normal((steps, 4)))
    labels = greedy(log_probs)
    assert force_align(log_probs, [column for column, _, _ in labels]) == [label[1:] for label in labels]


@given(st.integers(0, 10**6), st.integers(1, 40), st.lists(st.integers(1, 3), max_size=12), st.booleans())
def test_it_equals_the_textbook_with_equal_probabilities_and_impossible_columns_too(
    seed: int, steps: int, labels: list[int], coarse: bool
) -> None:
    log_probs = 2 * np.random.default_rng(seed).standard_normal((steps, 4))
    if coarse:  # many ties, and columns of probability 0
        log_probs = np.where(log_probs < -2, -np.inf, np.round(log_probs))
    if steps < len(labels) + sum(left == right for left, right in itertools.pairwise(labels)):
        with pytest.raises(ValueError, match="cannot fit"):
            force_align(log_probs, labels)
    elif labels:
        assert force_align(log_probs, labels) == plain_viterbi(log_probs, labels)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 0.3, 1.0]), st.booleans())
def test_what_is_left_out_of_a_long_clip_changes_nothing(seed: int, wrong: float, impossible: bool) -> None:
    rng = np.random.default_rng(seed)
    log_probs, labels = signing(rng, 1000, 40, 330, wrong)  # more states than two blocks reach
    if impossible:
        log_probs[:, labels[len(labels) // 2]] = -np.inf
        log_probs[700:800] = np.log(1 / 40)
    assert force_align(log_probs, labels) == plain_viterbi(log_probs, labels)


def test_labels_of_another_clip_are_aligned_as_well_as_can_be() -> None:
    rng = np.random.default_rng(1)
    log_probs, _ = signing(rng, 1500, 30, 300, 0.0)
    _, labels = signing(rng, 1500, 30, 450, 0.0)
    assert force_align(log_probs, labels) == plain_viterbi(log_probs, labels)


def test_a_path_that_is_far_from_the_best_one_for_long() -> None:
    """The labels of the first half occur twice in the clip: only its end decides which of the two is used."""
    part, labels = signing(np.random.default_rng(2), 450, 30, 132, 0.0)
    rest, more = signing(np.random.default_rng(3), 450, 30, 132, 0.0)
    log_probs = np.concatenate([part, part, rest])
    for reference in ([*labels, *more], [*labels, *labels], [*labels[:66], *labels, *more]):
        assert force_align(log_probs, reference) == plain_viterbi(log_probs, reference)


def test_the_impossible() -> None:
    assert force_align(np.empty((0, 3)), []) == []
    one_hot = np.log(np.full((3, 3), 0.01) + 0.97 * np.eye(3)[[1, 2, 0]])
    with pytest.raises(ValueError, match="2 labels cannot fit in 2"):
        force_align(one_hot[:2], [1, 1])
    one_hot[:, 2] = -np.inf
    spans = force_align(one_hot, [2, 1])
    assert len(spans) == 2 and spans[0][1] <= spans[1][0]


def test_memory_of_a_long_clip_is_a_small_part_of_its_states() -> None:
    log_probs, labels = signing(np.random.default_rng(0), 6000, 100, 1000, 0.05)
    peak = peak_memory(lambda: force_align(log_probs, labels))
    assert peak < 6000 * (2 * len(labels) + 1)  # bytes: an eighth of a float64 for each


def every_division(frames: int, labels: int, least: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """All spans of so many labels, in order and without overlap, of `least` frames or more."""
    for cuts in itertools.combinations_with_replacement(range(frames + 1), 2 * labels):
        spans = tuple(zip(cuts[::2], cuts[1::2], strict=True))
        if all(end - start >= least for start, end in spans):
            yield spans


@given(st.integers(0, 10**6), st.integers(1, 9), st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 4))
def test_frames_are_divided_in_the_best_of_all_ways(seed: int, frames: int, labels: list[int], least: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(frames, 4))
    if len(labels) > frames:
        with pytest.raises(ValueError, match="cannot fit"):
            align_frames(scores, labels, least)
        return

    def total(spans: Sequence[tuple[int, int]]) -> float:
        columns = np.zeros(frames, int)
        for label, (start, end) in zip(labels, spans, strict=True):
            columns[start:end] = label
        return float(scores[range(frames), columns].sum())

    ways = list(every_division(frames, len(labels), min(least, frames // len(labels))))
    found = align_frames(scores, labels, least)
    assert tuple(found) in ways
    assert total(found) == pytest.approx(max(map(total, ways)))
