from __future__ import annotations

import itertools
import timeit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.ctc import check_log_probs, feasible, frame_spans, greedy, log_likelihood, minimum_steps
from sla_cli.errors import SlaError

paths = st.lists(st.integers(0, 3), max_size=30)


def one_hot(path: list[int], columns: int = 4) -> np.ndarray:
    return np.log(np.full((len(path), columns), 0.01) + 0.96 * np.eye(columns)[path]).astype(np.float32)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """The definition: drop repeats, then blanks."""
    return tuple(c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c))


def test_greedy_collapses_repeats_before_blanks() -> None:
    assert greedy(one_hot([0, 1, 1, 0, 1, 2, 2, 3, 0, 0])) == [(1, 1, 3), (1, 4, 5), (2, 5, 7), (3, 7, 8)]


def test_greedy_of_nothing() -> None:
    assert greedy(np.empty((0, 4), np.float32)) == []
    assert greedy(one_hot([0, 0, 0])) == []


@given(paths)
def test_greedy_labels_follow_the_definition_and_spans_cover_their_runs(path: list[int]) -> None:
    labels = greedy(one_hot(path))
    assert tuple(column for column, _, _ in labels) == collapse(tuple(path))
    covered = {step: column for column, start, end in labels for step in range(start, end)}
    assert [covered.get(step, 0) for step in range(len(path))] == path


def test_greedy_is_fast() -> None:
    log_probs = np.random.default_rng(0).standard_normal((40, 1101)).astype(np.float32)
    assert min(timeit.repeat(lambda: greedy(log_probs), number=50, repeat=10)) / 50 < 1e-3  # measured 0.03 ms


@pytest.mark.parametrize("steps", range(5))
def test_feasible_is_that_some_path_collapses_to_the_labels(steps: int) -> None:
    reachable = {collapse(path) for path in itertools.product(range(3), repeat=steps)}
    for length in range(4):
        for labels in itertools.product((1, 2), repeat=length):
            assert feasible(steps, labels) == (labels in reachable)


def test_minimum_steps_takes_glosses() -> None:
    assert minimum_steps(["NORD", "NORD", "SUED", "NORD"]) == 5
    assert minimum_steps([]) == 0


def test_frame_spans_are_cut_at_the_end_of_the_clip() -> None:
    assert frame_spans([(0, 2), (5, 6), (9, 11)], stride=4, frames=42) == ((0, 8), (20, 24), (36, 42))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5))), st.integers(1, 8), st.integers(0, 300))
def test_frame_spans_lie_within_the_clip(spans: list[tuple[int, int]], stride: int, frames: int) -> None:
    for start, end in frame_spans([(start, start + length) for start, length in spans], stride, frames):
        assert 0 <= start <= end <= frames


@pytest.mark.parametrize(
    ("value", "column", "message"),
    [(np.nan, 1, "step 2 holds NaN"), (np.inf, 1, r"step 2 holds \+inf"), (-np.inf, slice(None), "-inf in every"),
     (0.5, 1, "holds 0.5, which is not a log-probability")],
)  # fmt: skip
def test_impossible_log_probs_are_refused(value: float, column: int | slice, message: str) -> None:
    log_probs = one_hot([0, 1, 2, 3])
    log_probs[2, column] = value
    with pytest.raises(SlaError, match=message):
        check_log_probs(log_probs, 4)


@pytest.mark.parametrize("shape", [(5, 3), (5,), (1, 5, 4)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SlaError, match="but \\(steps, 4\\) is needed"):
        check_log_probs(np.full(shape, -1.0), 4)


def test_zero_probabilities_and_rounding_are_fine() -> None:
    log_probs = one_hot([0, 1, 2])
    log_probs[:, 3] = -np.inf
    log_probs[1, 1] = 0.001
    check_log_probs(log_probs, 4)
    check_log_probs(np.empty((0, 4)), 4)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.needs("torch")
@given(st.integers(0, 10**6), st.integers(0, 30), st.lists(st.integers(1, 3), max_size=8))
def test_it_is_what_torch_computes(seed: int, steps: int, labels: list[int]) -> None:
    import torch

    log_probs = log_softmax(2 * np.random.default_rng(seed).standard_normal((steps, 4)))
    if steps:
        loss = torch.nn.functional.ctc_loss(
            torch.from_numpy(log_probs), torch.tensor(labels, dtype=torch.long), [steps], [len(labels)], reduction="sum"
        )
        assert log_likelihood(log_probs, labels) == pytest.approx(-float(loss))
    else:
        assert log_likelihood(log_probs, labels) == (-np.inf if labels else 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_probabilities_of_all_label_sequences_add_to_one(seed: int) -> None:
    log_probs = log_softmax(np.random.default_rng(seed).standard_normal((4, 3)))
    sequences = [labels for length in range(5) for labels in itertools.product((1, 2), repeat=length)]
    assert sum(np.exp(log_likelihood(log_probs, labels)) for labels in sequences) == pytest.approx(1)
