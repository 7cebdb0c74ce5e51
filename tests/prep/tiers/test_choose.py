"""Which tiers are read where none are named, or some."""

from __future__ import annotations

import pytest

from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.prep.tiers.choose import TierOptions, choose

SIGN = [Mark(0, 10, "A", 1)]


def names(held: list[Tier], **settings: object) -> tuple[str, list[str], list[str]]:
    chosen = choose(AnnotationFile(held), TierOptions.checked(**settings))
    return chosen.scheme, [tier.name for tier in chosen.glosses], [tier.name for tier in chosen.translations]


def test_a_convention_with_annotations_comes_before_one_without() -> None:
    """As in a template, which has tiers for all that one may annotate."""
    template = [Tier("RH-IDgloss", []), Tier("Free Translation", SIGN), Tier("gloss", SIGN), Tier("translation", SIGN)]
    assert names(template) == ("signlangtk", ["gloss"], ["translation"])
    assert names([Tier("gloss", []), Tier("SIGN", [])]) == ("signlangtk", ["gloss"], [])
    assert names([Tier("RH-IDgloss", SIGN), Tier("gloss", SIGN)]) == ("BSL Corpus", ["RH-IDgloss"], [])
    empty = [Mark(0, 10, "", 1), Mark(20, 30, " ", 1)]
    assert names([Tier("RH-IDgloss", empty), Tier("gloss", SIGN)]) == ("signlangtk", ["gloss"], [])
    assert names([Tier("mouth", SIGN)]) == ("", [], [])


def test_the_right_hand_comes_first_whatever_the_file_s_order() -> None:
    tiers = [Tier(name, SIGN) for name in ("Lexem_Gebärde_l_A", "Lexem_Gebärde_r_B", "Lexem_Gebärde_r_A")]
    assert names(tiers)[1] == ["Lexem_Gebärde_r_B", "Lexem_Gebärde_r_A", "Lexem_Gebärde_l_A"]


def test_tiers_that_are_named_come_in_the_order_of_their_names() -> None:
    tiers = [Tier("x", SIGN, type="Gloss"), Tier("left", SIGN), Tier("right", SIGN), Tier("SIGN", SIGN)]
    assert names(tiers, tier=("right", "*t"), tier_type=("gloss",)) == ("", ["right", "left", "x"], [])
    assert names(tiers, tier=("x",), translation_tier="S*")[2] == ["SIGN"]


def test_a_pause_that_has_no_effect_on_cues_is_said(caplog: pytest.LogCaptureFixture) -> None:
    cues = [Tier("cues", SIGN)]
    names(cues)
    names(cues, tier=("cues",), pause=5.0)
    assert not caplog.text
    assert names(cues, pause=5.0)[0] == "subtitles"
    assert "--pause has no effect on subtitles" in caplog.text and "--tier cues" in caplog.text
