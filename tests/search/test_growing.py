"""A search whose log-probabilities come in parts finds what it finds with all of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby, pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions

GLOSSES = ("A", "B", "C")


def log_probs_of(seed: int, steps: int, sharp: float) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(steps, len(GLOSSES) + 1)) * sharp
    return np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)), np.float32)


def names(columns: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(GLOSSES[column - 1] for column in columns)


@given(
    seed=st.integers(0, 10**6),
    steps=st.integers(1, 40),
    sharp=st.sampled_from([0.5, 2.0, 6.0]),
    beam=st.sampled_from([1, 3, 10]),
    cuts=st.sets(st.integers(1, 39)),
)
def test_parts_give_what_the_whole_gives(seed: int, steps: int, sharp: float, beam: int, cuts: set[int]) -> None:
    log_probs = log_probs_of(seed, steps, sharp)
    with BeamDecoder(GLOSSES, BeamOptions(beam=beam)) as decoder:
        growing = decoder.begin()
        for start, stop in pairwise(sorted({0, steps, *(cut for cut in cuts if cut < steps)})):
            expected = decoder.decode(log_probs[:stop]).glosses
            assert names(growing.best(log_probs[start:stop])) == expected  # and changes nothing
            growing.add(log_probs[start:stop])
            assert names(growing.best(log_probs[:0])) == expected
        columns, score = growing.ended()[0]
        whole = decoder.decode(log_probs)
        assert names(columns) == whole.glosses and score == pytest.approx(whole.score, abs=1e-6 * steps)


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6), cut=st.integers(1, 5), count=st.integers(0, 3))
def test_what_is_forgotten_was_emitted_before(seed: int, cut: int, count: int) -> None:
    """With a beam that holds every hypothesis, the best of all paths that had emitted it."""
    log_probs = log_probs_of(seed, 6, 2.0)
    with BeamDecoder(GLOSSES, BeamOptions(beam=5000, prune_logp=-1000, token_min_logp=-100)) as decoder:
        growing = decoder.begin()
        growing.add(log_probs[:cut])
        first = growing.best(log_probs[:0])[:count]
        assert growing.forget(first) == len(first)
        growing.add(log_probs[cut:])
        columns, score = growing.ended()[0]
    sums: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(len(GLOSSES) + 1), repeat=6):
        if collapsed(path[:cut])[: len(first)] == first:
            sums[collapsed(path)] += float(np.exp(sum(log_probs[step, column] for step, column in enumerate(path))))
    best = max(sums, key=lambda found: sums[found])
    assert columns == best[len(first) :] and score == pytest.approx(np.log(sums[best]), abs=1e-4)


@pytest.mark.parametrize("beam", [1, 5])
def test_no_more_is_forgotten_than_a_hypothesis_begins_with(beam: int) -> None:
    """What later steps are expected to show may not have been emitted yet."""
    log_probs = np.log(np.array([[0.02, 0.96, 0.01, 0.01], [0.96, 0.02, 0.01, 0.01]], np.float32))
    with BeamDecoder(GLOSSES, BeamOptions(beam=beam, prune_logp=-1)) as decoder:
        growing = decoder.begin()
        growing.add(log_probs)
        assert growing.forget([1, 2]) == 1
        assert growing.best(log_probs[:1]) == (1,)


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(column for column, _ in groupby(path) if column)
