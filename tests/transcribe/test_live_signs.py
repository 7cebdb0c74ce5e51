"""Glosses that become final while log-probabilities come, with a head that gives what it gets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.calibration import UNCHANGED
from sla_cli.core.ctc import greedy
from sla_cli.core.windows import Windows
from sla_cli.search.beam_decoder import BeamDecoder, BeamOptions
from sla_cli.transcribe.live_signs import LiveSigns
from sla_cli.transcribe.live_steps import LiveSteps
from sla_cli.transcribe.runtime import Features

GLOSSES = ("A", "B", "C")
MOST = 12  # final steps
# Stretches of one column; a person may hold a sign, or rest, for ever.
stretches = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([1, 2, 5, 40])), min_size=1, max_size=30)


def log_probs_of(columns: list[int]) -> np.ndarray:
    """So sure of one column in each step that no sum over many paths is greater."""
    log_probs = np.full((len(columns), len(GLOSSES) + 1), -14, np.float32)
    log_probs[np.arange(len(columns)), columns] = 0
    return log_probs


@given(
    stretches=stretches,
    hop=st.integers(1, 9),
    lookahead=st.integers(0, 9),
    following=st.integers(0, 2),
    beam=st.sampled_from([1, 10]),
)
def test_glosses_are_those_of_the_whole_in_bounded_memory(
    stretches: list[tuple[int, int]], hop: int, lookahead: int, following: int, beam: int
) -> None:
    log_probs = log_probs_of([column for column, length in stretches for _ in range(length)])
    with BeamDecoder(GLOSSES, BeamOptions(beam=beam)) as decoder:
        steps = LiveSteps(lambda features: features, 1, Windows(3 * MOST, MOST // 2), lookahead, 0, len(GLOSSES) + 1)
        signs = LiveSigns(decoder.begin(), steps, UNCHANGED, 1, MOST, following)
        found = []
        for start in range(0, len(log_probs), hop):
            last = start + hop >= len(log_probs)
            part = Features(log_probs[start : start + hop], None, None)
            found += signs.add(steps.add([part], last=last), last=last)
            assert signs.held <= 2 * (MOST + hop) + lookahead
    assert [one.column for one in found] == [column for column, _, _ in greedy(log_probs)]
    assert all(one.start < one.end for one in found)
    assert all(one.end <= after.start for one, after in pairwise(found))


def test_a_gloss_after_a_long_rest_waits_for_the_steps_that_may_change_it() -> None:
    """The first step looks like A; with the second, B alone is more probable than A and B."""
    rest = log_probs_of([0] * 3 * MOST)
    begun = np.log(np.array([[0.25, 0.4, 0.35, 1e-9], [0.05, 0.05, 0.9, 1e-9]], np.float32))
    log_probs = np.concatenate([rest, begun, rest])
    with BeamDecoder(GLOSSES, BeamOptions()) as decoder:
        steps = LiveSteps(lambda features: features, 1, Windows(3 * MOST, MOST // 2), 0, 0, len(GLOSSES) + 1)
        signs = LiveSigns(decoder.begin(), steps, UNCHANGED, 1, MOST, following=1)
        parts = (steps.add([Features(log_probs[[place]], None, None)]) for place in range(len(log_probs)))
        assert [one.column for part in parts for one in signs.add(part)] == [2]


@pytest.mark.parametrize("seed", [9, 12, 19])
def test_glosses_that_crowd_are_not_lost(seed: int) -> None:
    """A strong hot word makes so many glosses that they do not fit beside final ones into the steps that are kept."""
    steps_of_all = np.random.default_rng(seed).normal(size=(160, len(GLOSSES) + 1)).cumsum(axis=0) * 0.09
    log_probs = (steps_of_all - np.log(np.exp(steps_of_all).sum(axis=1, keepdims=True))).astype(np.float32)
    with BeamDecoder(GLOSSES, BeamOptions(beam=2, hotwords=("A",), hotword_weight=20.0)) as decoder:
        steps = LiveSteps(lambda features: features, 1, Windows(3 * 58, 29), 0, 0, len(GLOSSES) + 1)
        signs, found = LiveSigns(decoder.begin(), steps, UNCHANGED, 1, 58, following=1), []
        for start in range(0, len(log_probs), 2):
            last = start + 2 >= len(log_probs)
            part = Features(log_probs[start : start + 2], None, None)
            found += signs.add(steps.add([part], last=last), last=last)
        assert len(found) > 0.7 * len(decoder.decode(log_probs).glosses)
        assert all(one.start < one.end for one in found)
        assert all(one.end <= after.start for one, after in pairwise(found))
