"""Glosses and translations belong to the utterance that holds their middle; without a tier of such, pauses end one."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.prep.tiers.choose import TierOptions, choose
from sla_cli.prep.tiers.utterances import Counts, Utterance, assign, read_utterances

Signs = list[tuple[int, int, str]]


def tier(name: str, signs: Signs, participant: str = "") -> Tier:
    return Tier(name, [Mark(*sign, line) for line, sign in enumerate(signs, 1)], participant=participant)


def utterances(*tiers: Tier, **settings: object) -> tuple[list[Utterance], Counts]:
    file, counts, wanted = AnnotationFile(tiers), Counts(), TierOptions.checked(**settings)
    return list(read_utterances(file, choose(file, wanted), wanted.pause, counts)), counts


def shown(found: list[Utterance]) -> list[tuple[str, int, int, str, str]]:
    return [(one.person, one.start, one.end, " ".join(one.glosses), one.translation) for one in found]


SIGNS: Signs = [(0, 100, "A"), (150, 400, "B"), (1400, 1500, "C"), (1999, 2100, "D")]


def test_pauses_end_an_utterance() -> None:
    for pause, expected in ((1.0, ["A B", "C D"]), (1.001, ["A B C D"]), (0.4, ["A B", "C", "D"]), (0.0, [*"ABCD"])):
        found, _ = utterances(tier("SIGN", SIGNS), pause=pause)
        assert [" ".join(one.glosses) for one in found] == expected
    found, _ = utterances(tier("SIGN", SIGNS))
    assert [(one.start, one.end, one.line) for one in found] == [(0, 400, 1), (1400, 2100, 3)]
    found, counts = utterances(tier("SIGN", [(0, 100, "A"), (500, 500, "POINT"), (2000, 2100, "B")]))
    assert [(one.end, one.glosses) for one in found] == [(500, ("A", "POINT")), (2100, ("B",))]
    assert (found[0].times, counts.outside) == (((0, 100), (500, 500)), 0)


def test_times_of_signs_are_those_within_their_utterance() -> None:
    """An annotation that holds several glosses does not say when each is signed."""
    found, _ = utterances(tier("SIGN", SIGNS))
    assert [one.times for one in found] == [((0, 100), (150, 400)), ((0, 100), (599, 700))]
    found, _ = utterances(tier("SIGN", SIGNS), tier("TEXT", [(30, 330, "x")]), utterance_tier="TEXT")
    assert [one.times for one in found] == [((0, 70), (120, 300))]
    found, _ = utterances(tier("TEXT", [(0, 400, "A B")]), tier=["TEXT"], utterance_tier="TEXT")
    assert [(one.glosses, one.times) for one in found] == [(("A", "B"), ())]
    parts = replace(tier("SIGN", SIGNS), constraint="Symbolic_Subdivision")
    assert {one.times for one in utterances(parts)[0]} == {()}
    below = replace(tier("NOTE", SIGNS), constraint="Symbolic_Association", parent="SIGN")
    assert {one.times for one in utterances(below, parts, tier=["NOTE"])[0]} == {()}


def test_a_held_hand_is_no_pause() -> None:
    found, _ = utterances(tier("gloss-rh", [(0, 100, "A"), (2000, 2100, "B")]), tier("gloss-lh", [(50, 1900, "HOLD")]))
    assert shown(found) == [("", 0, 2100, "A HOLD B", "")]


def test_a_translation_is_that_of_the_clip_nearest_to_its_middle() -> None:
    """Its middle lies in a pause where its sentence begins long before the first sign; it has to overlap the clip."""
    signs: Signs = [(5000, 5100, "A"), (7000, 7900, "B"), (20_000, 20_100, "C")]
    texts: Signs = [(10_000, 11_000, "of nobody"), (1000, 7100, "a"), (6000, 8000, "b"), (7950, 7990, "nor this")]
    found, counts = utterances(tier("SIGN", signs), tier("x", texts), translation_tier="x")
    assert [(one.glosses, one.translation) for one in found] == [(("A",), "a"), (("B",), "b"), (("C",), "")]
    assert counts.untranslated == 2


def test_utterances_of_a_tier() -> None:
    texts = [(0, 275, "one"), (275, 1000, "two"), (1200, 1990, "three"), (2000, 2100, "four"), (4000, 5000, "")]
    found, counts = utterances(
        tier("SIGN", [*SIGNS, (3000, 3100, "E")]), tier("TEXT", texts), utterance_tier="TEXT", translation_tier="TEXT"
    )
    assert shown(found) == [
        ("", 0, 275, "A", "one"),
        ("", 275, 1000, "B", "two"),  # its middle is where one ends and the other begins
        ("", 1200, 1990, "C", "three"),
        ("", 2000, 2100, "D", "four"),
        ("", 4000, 5000, "", ""),
    ]
    assert (counts.outside, counts.glosses) == (1, 5)


def test_each_person_has_utterances_of_their_own() -> None:
    tiers = [
        tier("GlossR S1", [(0, 100, "A")]),
        tier("GlossR S2", [(0, 100, "B")]),
        tier("TranslationNarrow S2", [(10, 110, "b")]),
        tier("TranslationNarrow S1", [(0, 90, "a")]),
        tier("Both", [(500, 600, "")]),
    ]
    found, _ = utterances(*tiers, utterance_tier="TranslationNarrow")
    assert shown(found) == [("S1", 0, 90, "A", "a"), ("S2", 10, 110, "B", "b")]
    found, _ = utterances(*tiers, utterance_tier="Both")
    assert [one[:3] for one in shown(found)] == [("S1", 500, 600), ("S2", 500, 600)], "a tier of nobody is everybody's"
    found, _ = utterances(*tiers, tier=("GlossR S1",), utterance_tier="TranslationNarrow")
    assert shown(found) == [("S1", 0, 90, "A", "")], "another person's are not taken for a sole one's"
    found, _ = utterances(tiers[0], tier("Sätze", [(0, 300, "x")], "Anna"), utterance_tier="Sätze")
    assert [one[:3] for one in shown(found)] == [("S1", 0, 300)], "but what is named otherwise throughout is"


def test_what_a_gloss_is() -> None:
    signs = [(0, 10, "$INDEX1"), (10, 20, ""), (20, 30, "HOUSE1A^"), (30, 40, "go  out"), (40, 50, "?"), (50, 60, " ")]
    found, counts = utterances(tier("SIGN", signs))
    assert found[0].glosses == ("$INDEX1", "HOUSE1A^", "go-out", "?")
    assert (counts.empty, counts.glosses, counts.joined) == (2, 4, {"go-out": 1})


def test_a_tier_of_glosses_that_is_the_tier_of_utterances_holds_their_words() -> None:
    found, counts = utterances(
        tier("x", [(0, 100, "A B"), (100, 200, "C"), (150, 250, "")]), tier=("x",), utterance_tier="x"
    )
    assert shown(found) == [("", 0, 100, "A B", ""), ("", 100, 200, "C", ""), ("", 150, 250, "", "")]
    assert not counts.joined
    found, _ = utterances(tier("cues", [(0, 100, "A B"), (100, 200, "C")]))
    assert [one.glosses for one in found] == [("A", "B"), ("C",)], "as subtitles have it"


def test_of_two_tiers_with_the_same_utterance_one_is_taken() -> None:
    found, _ = utterances(
        tier("SIGN", SIGNS), tier("u1", [(0, 500, "")]), tier("u2", [(0, 500, "")]), utterance_tier="u?"
    )
    assert [one[1:4] for one in shown(found)] == [(0, 500, "A B")]


def test_the_middle_of_many_utterances_takes_time_by_their_number_only() -> None:
    spans = [Mark(number, 10**9 - number, "", 1) for number in range(100_000)]
    marks = [Mark(10**9 + number, 10**9 + number, "", 1) for number in range(100_000)]
    assert assign(marks, spans)[1] == 100_000


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 40)), max_size=10).map(
    lambda pairs: [Mark(start, start + length, "", 1) for start, length in sorted(pairs)]
)


@given(spans, spans)
def test_each_mark_goes_to_the_first_span_around_its_middle(marks: list[Mark], spans: list[Mark]) -> None:
    found, outside = assign(marks, spans)
    expected: list[list[Mark]] = [[] for _ in spans]
    for mark in marks:
        middle = (mark.start + mark.end) / 2
        holds = [number for number, span in enumerate(spans) if span.start <= middle < span.end]
        if holds:
            expected[holds[0]].append(mark)
    assert found == expected
    assert outside == len(marks) - sum(map(len, expected))
