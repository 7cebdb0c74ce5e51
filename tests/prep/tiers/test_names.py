"""Which tiers a name means, and whose they are."""

from __future__ import annotations

import unicodedata

import pytest

from sla_cli.annotation.tier import Tier
from sla_cli.prep.tiers.names import find_tiers, people, suffix_of

NAMES = ("GlossL S1", "GlossR S1", "GlossR S2", "Lexem_Gebärde_r_A", "gloss [1]", "GLOSS", "RH-IDgloss")


def tier(name: str, participant: str = "", parent: str = "") -> Tier:
    return Tier(name, [], participant=participant, parent=parent)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("GlossR S1", ["GlossR S1"]),
        ("Gloss? S1", ["GlossL S1", "GlossR S1"]),
        ("GlossR", ["GlossR S1", "GlossR S2"]),
        ("glossr*", ["GlossR S1", "GlossR S2"]),
        ("gloss", ["GLOSS"]),
        ("gloss [1]", ["gloss [1]"]),
        ("gloss ?1?", ["gloss [1]"]),
        ("gloss [12]", []),
        (unicodedata.normalize("NFD", "Lexem_Gebärde_r_A"), ["Lexem_Gebärde_r_A"]),
        ("lexem_gebärde_r", ["Lexem_Gebärde_r_A"]),
        ("rh-idgloss", ["RH-IDgloss"]),
        ("RH", []),
    ],
)
def test_names_and_patterns(wanted: str, found: list[str]) -> None:
    assert [one.name for one in find_tiers(map(tier, NAMES), wanted)] == found


@pytest.mark.parametrize(
    ("name", "person"),
    [("GlossR S1", "S1"), ("x_A", "A"), ("x_B", "B"), ("Gloss_R", ""), ("Gloss L", ""), ("A", ""), ("RH-P12", "P12"),
     ("MAMA", ""), ("x_a", "")],
)  # fmt: skip
def test_the_person_at_the_end_of_a_name(name: str, person: str) -> None:
    assert suffix_of(name) == person


def persons(*tiers: Tier) -> dict[str, list[str]]:
    return {name: [one.name for one in own] for name, own in people(tiers, tiers).items()}


def test_whose_tiers_they_are() -> None:
    assert persons(tier("R_A"), tier("R_B"), tier("L_A")) == {"A": ["R_A", "L_A"], "B": ["R_B"]}
    assert persons(tier("R_A", "Anna"), tier("L", "Anna")) == {"Anna": ["R_A", "L"]}, "the participant comes first"
    assert persons(tier("R", "Anna"), tier("L")) == {"Anna": ["R", "L"]}, "only one person is named"
    assert persons(tier("R"), tier("L")) == {"": ["R", "L"]}
    tops = tier("top1", "Anna"), tier("top2", "Bert")
    words = tier("word1", parent="top1"), tier("word2", parent="top2"), tier("below", parent="word2")
    assert persons(*tops, *words) == {"Anna": ["top1", "word1"], "Bert": ["top2", "word2", "below"]}, "as their parents"
