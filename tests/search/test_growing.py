"""A search whose log-probabilities come in parts finds what it finds with all of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.search.growing import Growing

GLOSSES = ("A", "B", "C")


def log_probs_of(seed: int, steps: int, sharp: float) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(steps, len(GLOSSES) + 1)) * sharp
    return np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)), np.float32)


def glosses_of(growing: Growing) -> tuple[str, ...]:
    return tuple(GLOSSES[column - 1] for column in growing.ended()[0][0])


@given(
    seed=st.integers(0, 10**6),
    steps=st.integers(1, 40),
    sharp=st.sampled_from([0.5, 2.0, 6.0]),
    beam=st.sampled_from([1, 3, 10]),
    cuts=st.sets(st.integers(0, 40)),
)
def test_what_is_agreed_and_forgotten_begins_what_the_whole_search_finds(
    seed: int, steps: int, sharp: float, beam: int, cuts: set[int]
) -> None:
    log_probs = log_probs_of(seed, steps, sharp)
    with BeamDecoder(GLOSSES, BeamOptions(beam=beam)) as decoder:
        whole = decoder.decode(log_probs)
        growing, final = decoder.begin(), []
        for start, stop in pairwise(sorted({0, steps, *(cut for cut in cuts if cut < steps)})):
            expected = decoder.decode(log_probs[:stop]).glosses
            ahead = growing.best(log_probs[start:stop])  # changes nothing
            assert (*final, *(GLOSSES[column - 1] for column in ahead)) == expected
            growing.add(log_probs[start:stop])
            agreed = growing.agreed()
            final += [GLOSSES[column - 1] for column in growing.best(log_probs[:0])[:agreed]]
            growing.forget(agreed)
        assert (*final, *glosses_of(growing)) == whole.glosses
        assert growing.ended()[0][1] == pytest.approx(whole.score, abs=1e-6 * steps)
