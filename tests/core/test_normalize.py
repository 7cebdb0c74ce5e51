"""Each rule of each profile, where it applies and where it must not, and the released references."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.artifact.table import read_table
from sla_cli.core.edit_alignment import Counts, align, count
from sla_cli.core.normalize import PROFILES, profile
from sla_cli.errors import SlaError

SHARED = Path(__file__).parents[2].parent / "shared"

PHOENIX2014_RULES = [
    ("loc-NORD", "NORD"),
    ("NICHT-loc-NORD", "NICHT-NORD"),
    ("cl-KOMMEN", "KOMMEN"),
    ("NICHT-cl-KOMMEN", "NICHT-KOMMEN"),
    ("qu-WAS", "WAS"),
    ("poss-MEIN", "MEIN"),
    ("lh-REGEN", "REGEN"),
    ("loc-cl-poss-X", "X"),
    ("LOC-NORD", "LOC-NORD"),
    ("CL-KOMMEN QU-WAS POSS-MEIN LH-REGEN", "CL-KOMMEN QU-WAS POSS-MEIN LH-REGEN"),
    ("loc cl_X qu poss lh", "loc cl_X qu poss lh"),
    ("neg-HABEN", "neg-HABEN"),
    ("S0NNE", "SONNE"),
    ("SONNE", "SONNE"),
    ("HABEN2", "HABEN"),
    ("HABEN1", "HABEN1"),
    ("HABEN", "HABEN"),
    ("NICHT-HABEN2 s0nne", "NICHT-HABEN s0nne"),
    ("EMOTION __EMOTION PU __PU LEFTHAND LEFTHAND__", "EMOTION __EMOTION PU __PU LEFTHAND LEFTHAND__"),
    ("EPENTHESIS __EPENTHESIS", "EPENTHESIS __EPENTHESIS"),
    ("A __EMOTION__ B", "A B"),
    ("A __PU__ B", "A B"),
    ("A __LEFTHAND__ B", "A B"),
    ("A__PU__", "A"),
    ("A __EPENTHESIS__ B", "A B"),
    ("A X__EPENTHESIS__ B", "A B"),
    ("ZEIGEN", "ZEIGEN-BILDSCHIRM"),
    ("IN-ZEIGEN", "IN-ZEIGEN-BILDSCHIRM"),
    ("ZEIGEN A", "ZEIGEN-BILDSCHIRM A"),
    ("ZEIGEN-BILDSCHIRM", "ZEIGEN-BILDSCHIRM"),
    ("ZEIGENX", "ZEIGENX"),
    ("zeigen", "zeigen"),
    ("loc-ZEIGEN", "ZEIGEN-BILDSCHIRM"),
    ("ZEIGEN__PU__", "ZEIGEN-BILDSCHIRM"),
    ("ZEIGEN-PLUSPLUS", "ZEIGEN"),
    ("NORDRAUM", "NORD"),
    ("RAUM", "RAUM"),
    ("TRAUM", "TRAUM"),
    ("nordRAUM", "nordRAUM"),
    ("ÄÖRAUM", "ÄÖRAUM"),
    ("ALPENRAUM-SUED", "ALPEN-SUED"),
    ("REGEN-PLUSPLUS", "REGEN"),
    ("REGEN-PLUSPLUS-X", "REGEN-X"),
    ("PLUSPLUS", "PLUSPLUS"),
    ("__ON__ A __OFF__", "__ON__ A __OFF__"),
    ("NORD NORD", "NORD NORD"),
    ("S H", "S H"),
    ("WIE AUSSEHEN", "WIE AUSSEHEN"),
    ("loc- A", "A"),
]
PHOENIX2014T_HYPOTHESIS_RULES = [
    ("A __LEFTHAND__ B", "A B"),
    ("A __EPENTHESIS__ B", "A B"),
    ("A __EMOTION__ B", "A B"),
    ("__ON__ A __OFF__", "A"),
    ("A __X", "A __X"),
    ("A X__ __ON__X", "A X__ __ON__X"),
    ("EMOTION LEFTHAND EPENTHESIS", "EMOTION LEFTHAND EPENTHESIS"),
    ("NICHT-loc-NORD LOC-NORD CL-KOMMEN", "NICHT-loc-NORD LOC-NORD CL-KOMMEN"),
    ("loc-NORD", "NORD"),
    ("cl-KOMMEN", "KOMMEN"),
    ("NICHT-cl-KOMMEN", "NICHT-cl-KOMMEN"),
    ("REGEN-PLUSPLUS", "REGEN"),
    ("REGEN-PLUSPLUS-X", "REGEN-PLUSPLUS-X"),
    ("NORDRAUM", "NORD"),
    ("TRAUM", "T"),
    ("RAUM", "RAUM"),
    ("NORDRAUM-X", "NORDRAUM-X"),
    ("NORD NORD SUED NORD", "NORD SUED NORD"),
    ("IN-NORD IN-NORD", "IN-NORD"),
    ("NORD loc-NORD __ON__ NORDRAUM", "NORD"),
    ("NORD nord", "NORD nord"),
    ("nordRAUM ÄRAUM", "nordRAUM ÄRAUM"),
    ("__PU__ A__PU__", "A__PU__"),
    ("poss-MEIN HABEN2 S0NNE ZEIGEN", "poss-MEIN HABEN2 S0NNE ZEIGEN"),
    ("qu-WAS lh-REGEN", "qu-WAS lh-REGEN"),
    ("WIE AUSSEHEN", "WIE AUSSEHEN"),
    ("S H A", "S H A"),
    ("loc- A", "A"),
]
PHOENIX2014T_REFERENCE_RULES = [
    ("__ON__ A-B __EMOTION__ loc-NORD cl-KOMMEN REGEN-PLUSPLUS SUEDRAUM", "A-B NORD KOMMEN REGEN SUED"),
    ("poss-MEIN HABEN2 S0NNE ZEIGEN", "poss-MEIN HABEN2 S0NNE ZEIGEN"),
    ("MORGEN WIE AUSSEHEN", "MORGEN WIE-AUSSEHEN"),
    ("WIE MORGEN AUSSEHEN", "WIE MORGEN AUSSEHEN"),
    ("S H", "S+H"),
    ("NORD S H WETTER", "NORD S+H WETTER"),
    ("A B C D E F G", "A+B+C+D+E+F+G"),
    ("S+H A WETTER", "S+H+A WETTER"),
    ("SCH A WETTER", "SCH+A WETTER"),
    ("NN A WETTER", "NN+A WETTER"),
    ("A NN WETTER", "A+NN WETTER"),
    ("I WETTER", "I WETTER"),
    ("IX A", "IX A"),
    ("X-A B", "X-A B"),
    ("NORD NORD NORD SUED", "NORD SUED"),
    ("IN-NORD IN-NORD", "IN-NORD IN-NORD"),
    ("NORD NORD-X", "NORD NORD-X"),
    ("nord nord ÄRGER ÄRGER", "nord nord ÄRGER ÄRGER"),
    ("NORD-WIE AUSSEHEN", "NORD-WIE-AUSSEHEN"),
    ("AUSSEHEN WIE", "AUSSEHEN WIE"),
    ("SCH NORD NN NORD", "SCH NORD NN NORD"),
    ("a B", "a B"),
    ("__LEFTHAND__ NORD X__EPENTHESIS__", "NORD"),
]


def cleaned(side: str, name: str, sentence: str) -> str:
    return " ".join(getattr(profile(name), side)(sentence.split()))


@pytest.mark.parametrize("name", ["phoenix2014", "phoenix2014t-vac"])
@pytest.mark.parametrize(("raw", "clean"), PHOENIX2014_RULES)
def test_phoenix2014_hypothesis(name: str, raw: str, clean: str) -> None:
    assert cleaned("hypothesis", name, raw) == clean


@pytest.mark.parametrize(("raw", "clean"), PHOENIX2014T_HYPOTHESIS_RULES)
def test_phoenix2014t_hypothesis(raw: str, clean: str) -> None:
    assert cleaned("hypothesis", "phoenix2014t", raw) == clean


@pytest.mark.parametrize(("raw", "clean"), PHOENIX2014T_REFERENCE_RULES)
def test_phoenix2014t_reference(raw: str, clean: str) -> None:
    assert cleaned("reference", "phoenix2014t", raw) == clean


@pytest.mark.parametrize("name", ["phoenix2014", "phoenix2014t-vac", "none"])
def test_references_are_used_as_released(name: str) -> None:
    raw = "__ON__ loc-NORD NORD NORD ZEIGEN poss-MEIN S H WIE AUSSEHEN __EMOTION__"
    assert cleaned("reference", name, raw) == raw


def test_none_changes_nothing() -> None:
    raw = "__ON__ loc-NORD NORD NORD ZEIGEN 你 NULL nan"
    assert cleaned("hypothesis", "none", raw) == raw


@pytest.mark.parametrize("name", ["phoenix2014", "phoenix2014t-vac"])
@pytest.mark.parametrize("raw", [(), ("__PU__", "__EPENTHESIS__")])
def test_nothing_left_is_one_wrong_word(name: str, raw: tuple[str, ...]) -> None:
    rules = profile(name)
    assert rules.hypothesis(raw) == ("[EMPTY]",)
    assert count(align(list("ABCD"), rules.hypothesis(raw))) == Counts(substitutions=1, deletions=3)


@pytest.mark.parametrize("name", ["phoenix2014t", "none"])
def test_elsewhere_nothing_left_is_nothing(name: str) -> None:
    assert profile(name).hypothesis([]) == ()


def test_profiles_are_named_with_their_version() -> None:
    assert [str(rules) for rules in PROFILES.values()] == [
        "phoenix2014.v1",
        "phoenix2014t.v1",
        "phoenix2014t-vac.v1",
        "none.v1",
    ]


def test_unknown_profile_suggests_the_nearest() -> None:
    with pytest.raises(SlaError, match="no normalisation profile 'phoenix14'") as caught:
        profile("phoenix14")
    assert "phoenix2014" in caught.value.hint


@pytest.fixture(scope="module")
def released_2014t() -> list[tuple[str, ...]]:
    table = SHARED / "data" / "phoenix2014t" / "PHOENIX-2014-T.dev.corpus.csv"
    if not table.is_file():
        pytest.skip("shared/data/phoenix2014t is not here")
    return [tuple(row["orth"].split()) for row in read_table(table, ["name", "orth"])]


def test_released_2014t_references_are_clean_already(released_2014t: list[tuple[str, ...]]) -> None:
    rules = profile("phoenix2014t")
    assert [rules.reference(glosses) for glosses in released_2014t] == released_2014t


def test_vac_profile_makes_errors_that_nothing_can_avoid(released_2014t: list[tuple[str, ...]]) -> None:
    rules = profile("phoenix2014t-vac")
    perfect = [count(align(rules.reference(glosses), rules.hypothesis(glosses))) for glosses in released_2014t]
    assert round(sum(perfect, Counts()).wer, 2) == 0.35
