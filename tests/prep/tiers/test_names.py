"""Whose tiers they are."""

from __future__ import annotations

from sla_cli.annotation.tier import Tier
from sla_cli.prep.tiers.names import people


def tier(name: str, participant: str = "", parent: str = "") -> Tier:
    return Tier(name, [], participant=participant, parent=parent)


def persons(*tiers: Tier) -> dict[str, list[str]]:
    return {name: [one.name for one in own] for name, own in people(tiers, tiers).items()}


def test_whose_tiers_they_are() -> None:
    assert persons(tier("R_A"), tier("R_B"), tier("L_A")) == {"A": ["R_A", "L_A"], "B": ["R_B"]}
    assert persons(tier("R_A", "Anna"), tier("L", "Anna")) == {"Anna": ["R_A", "L"]}, "the participant comes first"
    assert persons(tier("R", "Anna"), tier("L")) == {"Anna": ["R", "L"]}, "only one person is named"
    assert persons(tier("R"), tier("L")) == {"": ["R", "L"]}
    assert persons(tier("R", "J\u00fcrgen"), tier("L", "Ju\u0308rgen")) == {"J\u00fcrgen": ["R", "L"]}
    assert persons(tier("R", "Ju\u0308rgen"), tier("L", "j\u00fcrgen")) == {"J\u00fcrgen": ["R", "L"]}
    tops = tier("top1", "Anna"), tier("top2", "Bert")
    words = tier("word1", parent="top1"), tier("word2", parent="top2"), tier("below", parent="word2")
    assert persons(*tops, *words) == {"Anna": ["top1", "word1"], "Bert": ["top2", "word2", "below"]}, "as their parents"
