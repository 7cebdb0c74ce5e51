"""Chooses candidates greedily until a budget of time is full."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from sla_cli.choose.candidate import Annotated, Candidate
from sla_cli.choose.strategies import Worth
from sla_cli.core.digest import digest_json
from sla_cli.errors import SlaError

SLACK = 1e-6  # seconds, as 60 * 0.03 is less than 1.8


@dataclass(frozen=True)
class Choice:
    """A candidate that is to be annotated.

    Attributes:
        candidate: what.
        minutes: of signing, with all that were chosen before.
        score: of the strategy at the moment of choice.
        reason: why, in a phrase.
    """

    candidate: Candidate
    minutes: float
    score: float
    reason: str


def choose(
    candidates: Iterable[Candidate],
    worth: Callable[[Candidate, Annotated], Worth],
    annotated: Annotated,
    budget: float,
    seed: int = 0,
) -> list[Choice]:
    """The candidate with the highest score, then the one with the highest score given the first, and so on.

    One that is longer than what is left of the budget is passed over. Among equals the seed decides. The result does
    not depend on the order of the candidates.

    Args:
        worth: of a candidate, given what is annotated; its score never rises when more is.
        annotated: what is annotated; afterwards also what was chosen, by its hypothesis.
        budget: minutes of signing.

    Raises:
        SlaError: there is no candidate, or each is longer than the budget.
    """
    # A score only falls when more is chosen, so one that is still the highest after it is computed again is the
    # highest of all (Minoux, "Accelerated greedy algorithms", 1978). Entries: score, draw, number of choices then.
    queue = [(-_rounded(worth(one, annotated)), digest_json([seed, one.id, one.start]), 0, one) for one in candidates]
    if not queue:
        raise SlaError(
            "there is nothing to choose from", "Name a store or a folder with signing that is not annotated."
        )
    shortest = min(one.seconds for *_, one in queue)
    heapify(queue)
    chosen: list[Choice] = []
    seconds = 0.0
    while queue:
        _, draw, choices, one = heappop(queue)
        if seconds + one.seconds > 60 * budget + SLACK:
            continue
        now = worth(one, annotated)
        if choices < len(chosen):
            heappush(queue, (-_rounded(now), draw, len(chosen), one))
            continue
        seconds += one.seconds
        chosen.append(Choice(one, seconds / 60, now.score, now.reason))
        annotated.add(one.glosses, one.signer, one.seconds)
        if one.peaks is not None:
            annotated.add_peaks(one.glosses, one.peaks)
    if not chosen:
        raise SlaError(
            f"a budget of {budget:g} min is shorter than every candidate: the shortest takes {shortest / 60:.4g} min",
            f"Give --budget {math.ceil(shortest / 0.6) / 100:g} or more.",
        )
    return chosen


def _rounded(worth: Worth) -> float:
    """A sum of the same numbers in another order is no other score."""
    return round(worth.score, 9)
