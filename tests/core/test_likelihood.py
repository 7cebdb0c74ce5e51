from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.likelihood import log_likelihood


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
