"""Which tiers a name means, and the person in it."""

from __future__ import annotations

import unicodedata

import pytest

from sla_cli.annotation.tier import Tier, find_tiers, suffix_of

NAMES = (
    "GlossL S1",
    "GlossR S1",
    "GlossR S2",
    "Lexem_Gebärde_r_A",
    "gloss [1]",
    "GLOSS",
    "RH-IDgloss",
    "RH-IDgloss-decision",
    "GLOSS-confidence",
    "Twice",
    "Twice ",
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("GlossR S1", ["GlossR S1"]),
        ("Gloss? S1", ["GlossL S1", "GlossR S1"]),
        ("GlossR", ["GlossR S1", "GlossR S2"]),
        ("glossr*", ["GlossR S1", "GlossR S2"]),
        ("gloss", ["GLOSS"]),
        ("RH*", ["RH-IDgloss"]),
        ("*-decision", []),
        ("RH-IDgloss-decision", ["RH-IDgloss-decision"]),
        ("gloss [1]", ["gloss [1]"]),
        ("gloss ?1?", ["gloss [1]"]),
        ("gloss [12]", []),
        (unicodedata.normalize("NFD", "Lexem_Gebärde_r_A"), ["Lexem_Gebärde_r_A"]),
        ("lexem_gebärde_r", ["Lexem_Gebärde_r_A"]),
        ("rh-idgloss", ["RH-IDgloss"]),
        ("RH", []),
        ("Twice", ["Twice"]),
        ("Twice ", ["Twice "]),
        (" Twice", ["Twice", "Twice "]),
    ],
)
def test_names_and_patterns(wanted: str, found: list[str]) -> None:
    assert [one.name for one in find_tiers([Tier(name, []) for name in NAMES], wanted)] == found


@pytest.mark.parametrize(
    ("name", "person"),
    [("GlossR S1", "S1"), ("x_A", "A"), ("x_B", "B"), ("Gloss_R", ""), ("Gloss L", ""), ("A", ""), ("RH-P12", "P12"),
     ("MAMA", ""), ("x_a", ""), ("RH-IDgloss_B ", "B"), ("GlossR S1\u00a0", "S1")],
)  # fmt: skip
def test_the_person_at_the_end_of_a_name(name: str, person: str) -> None:
    assert suffix_of(name) == person
