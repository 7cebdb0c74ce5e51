"""Laws of choosing: the budget, determinism, and equality with a plain greedy search."""

from __future__ import annotations

from copy import deepcopy
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.choose.candidate import Annotated, Candidate
from sla_cli.choose.choose import Choice, choose
from sla_cli.choose.strategies import STRATEGIES
from sla_cli.core.digest import digest_json
from sla_cli.errors import SlaError

GLOSSES = ("HAUS", "MEER", "NORD", "WIND")


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    return [one_candidate(f"clip-{number}", rng) for number in range(draw(st.integers(1, 12)))]


def one_candidate(name: str, rng: np.random.Generator) -> Candidate:
    count = int(rng.integers(0, 4))
    peaks = rng.normal(size=(count, 3))
    return Candidate(
        name,
        float(rng.integers(1, 20)),
        f"signer {rng.integers(3)}",
        glosses=tuple(rng.choice(GLOSSES, count)),
        confidence=tuple(rng.uniform(size=count)),
        log_likelihood=float(-rng.exponential()),
        peaks=(peaks / np.linalg.norm(peaks, axis=1, keepdims=True)).astype(np.float16),
    )


# Minutes; half a second from those that candidates take, as what takes as long as a budget fits in spite of rounding.
BUDGETS = st.integers(24, 119).map(lambda seconds: (seconds + 0.5) / 60)


def annotated() -> Annotated:
    found = Annotated()
    found.add(("HAUS", "HAUS", "MEER"), "signer 0", 30.0)
    found.add_peaks(("HAUS", "MEER"), np.eye(3, dtype=np.float16)[:2])
    return found


def names(choices: list[Choice]) -> list[str]:
    return [choice.candidate.id for choice in choices]


@given(candidates(), st.sampled_from(sorted(STRATEGIES)), BUDGETS, st.integers(0, 3))
def test_choices_are_those_of_a_plain_greedy_search(pool: list[Candidate], name: str, budget: float, seed: int) -> None:
    worth, known = STRATEGIES[name].worth, annotated()
    wanted: list[str] = []
    left = 60 * budget
    rest = sorted(pool, key=lambda one: digest_json([seed, one.id, one.start]))
    while rest := [one for one in rest if one.seconds <= left]:
        best = max(rest, key=lambda one: round(worth(one, known).score, 9))  # the first of equals
        wanted.append(best.id)
        left -= best.seconds
        known.add(best.glosses, best.signer, best.seconds)
        assert best.peaks is not None
        known.add_peaks(best.glosses, best.peaks)
        rest.remove(best)
    assert names(choose(pool, worth, annotated(), budget, seed)) == wanted


@given(candidates(), st.sampled_from(sorted(STRATEGIES)), BUDGETS, st.randoms(use_true_random=False))
def test_the_budget_is_kept_and_the_order_of_candidates_does_not_matter(
    pool: list[Candidate], name: str, budget: float, random: Random
) -> None:
    choices = choose(pool, STRATEGIES[name].worth, annotated(), budget)
    seconds = [choice.candidate.seconds for choice in choices]
    assert [choice.minutes for choice in choices] == pytest.approx(np.cumsum(seconds) / 60)
    assert choices[-1].minutes <= budget
    assert all(choice.reason for choice in choices)
    left = [one.seconds for one in pool if one.id not in names(choices)]
    assert not left or sum(seconds) + min(left) > 60 * budget  # full
    shuffled = random.sample(pool, len(pool))
    assert choose(shuffled, STRATEGIES[name].worth, annotated(), budget) == choices


@given(candidates(), candidates(), st.sampled_from(sorted(STRATEGIES)))
def test_a_score_never_rises_when_more_is_annotated(pool: list[Candidate], more: list[Candidate], name: str) -> None:
    worth, before = STRATEGIES[name].worth, annotated()
    after = deepcopy(before)
    for one in more:
        assert one.peaks is not None
        after.add(one.glosses, one.signer, one.seconds)
        after.add_peaks(one.glosses, one.peaks)
    assert all(worth(one, after).score <= worth(one, before).score + 1e-9 for one in pool)


def test_seeds_draw_differently_and_each_the_same_again() -> None:
    pool = [Candidate(f"clip-{number}", 1.0) for number in range(50)]
    worth = STRATEGIES["random"].worth
    drawn = [names(choose(pool, worth, Annotated(), 0.2, seed)) for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert all(len(set(one)) == 12 for one in drawn)


def test_a_budget_that_nothing_fits_is_refused() -> None:
    with pytest.raises(
        SlaError, match=r"0\.1 min is shorter than every candidate: the shortest takes 0\.15 min"
    ) as caught:
        choose([Candidate("a", 9.0), Candidate("b", 12.0)], STRATEGIES["random"].worth, Annotated(), 0.1)
    assert "--budget 0.15 " in caught.value.hint
    with pytest.raises(SlaError, match=r"0\.02 min is shorter .* takes 0\.02333 min") as caught:
        choose([Candidate("a", 1.4)], STRATEGIES["random"].worth, Annotated(), 0.02)
    assert "--budget 0.03 " in caught.value.hint
    assert choose([Candidate("a", 1.8)], STRATEGIES["random"].worth, Annotated(), 0.03), "60 * 0.03 is less than 1.8"
    with pytest.raises(SlaError, match="nothing to choose from"):
        choose([], STRATEGIES["random"].worth, Annotated(), 1.0)
