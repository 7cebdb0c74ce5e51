"""Each strategy ranks the planted candidate first, and says why."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sla_cli.choose.candidate import Annotated, Candidate
from sla_cli.choose.choose import Choice, choose
from sla_cli.choose.strategies import STRATEGIES

AXES = np.eye(4, dtype=np.float16)


def first(name: str, pool: list[Candidate], known: Annotated | None = None) -> Choice:
    return choose(pool, STRATEGIES[name].worth, known or Annotated(), 1.0)[0]


def recognised(name: str, glosses: str, confidence: float = 0.9, signer: str = "", peaks: int = 0) -> Candidate:
    words = tuple(glosses.split())
    return Candidate(
        name,
        10.0,
        signer,
        glosses=words,
        confidence=(confidence,) * len(words),
        log_likelihood=math.log(confidence) * len(words),
        peaks=np.stack([AXES[peaks]] * len(words)),
    )


def test_uncertainty_takes_the_clip_whose_glosses_are_unsure() -> None:
    pool = [recognised("sure", "HAUS MEER"), recognised("unsure", "NORD WIND NORD MEER", 0.3)]
    found = first("uncertainty", pool)
    assert found.candidate.id == "unsure"
    assert found.score == pytest.approx(0.7)
    assert found.reason == "probability 0.30 a gloss; 4 glosses below 0.4: MEER, NORD, NORD and 1 more"


def test_uncertainty_is_a_mean_over_glosses_so_a_long_clip_is_no_worse() -> None:
    pool = [recognised("short", "HAUS", 0.7), recognised("long", "HAUS MEER NORD WIND HAUS", 0.8)]
    found = first("uncertainty", pool)
    assert (found.candidate.id, found.reason) == ("short", "probability 0.70 a gloss; least sure: HAUS, 0.70")


def test_uncertainty_of_a_clip_without_glosses_is_that_of_blank() -> None:
    empty = Candidate("empty", 10.0, log_likelihood=math.log(0.6))
    found = first("uncertainty", [recognised("sure", "HAUS"), empty])
    assert (found.candidate.id, found.reason) == ("empty", "no gloss is recognised, with probability 0.60")


def test_novelty_takes_the_clip_whose_features_no_annotated_gloss_has() -> None:
    known = Annotated()
    known.add_peaks(("HAUS", "MEER"), AXES[:2])
    pool = [
        recognised("known", "HAUS", peaks=0),
        recognised("other gloss's", "HAUS", peaks=1),
        recognised("known, too", "MEER", peaks=1),
    ]
    found = first("novelty", pool, known)
    assert (found.candidate.id, found.score) == ("other gloss's", 1.0)
    assert found.reason == "HAUS looks most unlike the annotated ones, distance 1.00"


def test_rare_takes_the_clip_with_the_gloss_that_is_annotated_least_and_not_twice() -> None:
    known = Annotated()
    known.add(("HAUS",) * 9 + ("WIND",) + ("MEER",) * 2, "", 10.0)
    pool = [recognised("a", "HAUS"), recognised("b", "WIND"), recognised("c", "WIND"), recognised("d", "MEER")]
    choices = choose(pool, STRATEGIES["rare"].worth, known, 0.5)
    assert [choice.candidate.glosses for choice in choices] == [("WIND",), ("WIND",), ("MEER",)]
    assert [choice.score for choice in choices] == pytest.approx([1 / 2, 1 / 3, 1 / 3])
    assert choices[1].reason == "times annotated or chosen: WIND 2"


def test_signers_takes_people_in_turn_who_are_missing() -> None:
    known = Annotated()
    known.add((), "anna", 600.0)
    pool = [Candidate(f"{name}{number}", 10.0, name) for name in ("anna", "bert", "cleo") for number in range(3)]
    choices = choose(pool, STRATEGIES["signers"].worth, known, 1.0)
    taken = [choice.candidate.signer for choice in choices]
    assert set(taken[:2]) == set(taken[2:4]) == set(taken[4:6]) == {"bert", "cleo"}
    assert choices[0].reason == f"signer {taken[0]} has nothing annotated"
    assert choices[2].reason == f"signer {taken[2]} has 0.2 min annotated or chosen"
