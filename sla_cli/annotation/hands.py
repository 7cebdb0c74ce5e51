"""Merges the tiers of a person's two hands into one sequence of signs."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from sla_cli.annotation.tier import Mark


@dataclass(frozen=True)
class Merged:
    """Signs in order of their start.

    Attributes:
        two_handed: number of signs that are on two tiers.
        overlapping: number of signs that begin before an earlier sign of another gloss has ended.
    """

    signs: Sequence[Mark]
    two_handed: int = 0
    overlapping: int = 0


def merge_hands(hands: Sequence[Sequence[Mark]]) -> Merged:
    """Signs of all tiers, ordered by start; with equal starts, in the order of the tiers.

    The same gloss on two tiers at overlapping times is one two-handed sign, from the first start to the last end. A
    sign is paired with at most one other, so a repetition is kept. Other signs that overlap are all kept.

    Args:
        hands: the marks of each tier, the dominant hand first.
    """
    signs: list[Mark] = []
    unpaired: defaultdict[str, dict[int, deque[int]]] = defaultdict(dict)  # gloss and hand to indices in `signs`
    two_handed = overlapping = latest = 0
    ordered = sorted(
        ((mark, hand) for hand, marks in enumerate(hands) for mark in marks), key=lambda item: (item[0].start, item[1])
    )
    for mark, hand in ordered:
        partner = _partner(signs, unpaired[mark.text], mark, hand)
        if partner is not None:
            signs[partner] = signs[partner]._replace(end=max(signs[partner].end, mark.end))
            two_handed += 1
        else:
            overlapping += mark.start < latest
            unpaired[mark.text].setdefault(hand, deque()).append(len(signs))
            signs.append(mark)
        latest = max(latest, mark.end)
    return Merged(signs, two_handed, overlapping)


def _partner(signs: Sequence[Mark], unpaired: dict[int, deque[int]], mark: Mark, hand: int) -> int | None:
    """Index of a sign with the same gloss on the other hand that has not ended when the mark begins; it is removed."""
    if mark.end == mark.start:  # overlaps nothing
        return None
    for other, places in unpaired.items():
        while other != hand and places:
            place = places.popleft()
            if signs[place].end > mark.start:
                return place
    return None
