"""Two hands become one sequence: no gloss is lost, the same gloss on both is one sign."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.annotation.hands import merge_hands
from sla_cli.annotation.tier import Mark


def marks(*signs: tuple[int, int, str]) -> list[Mark]:
    return [Mark(*sign, line=1) for sign in signs]


def merged(right: list[Mark], left: list[Mark]) -> list[tuple[int, int, str]]:
    return [sign[:3] for sign in merge_hands([right, left]).signs]


def test_the_same_gloss_on_both_hands_is_one_sign() -> None:
    assert merged(marks((100, 200, "A")), marks((90, 210, "A"))) == [(90, 210, "A")]
    assert merged(marks((100, 200, "A")), marks((200, 300, "A"))) == [(100, 200, "A"), (200, 300, "A")], "one after it"
    assert merge_hands([marks((100, 200, "A")), marks((150, 210, "A"))]).two_handed == 1
    instant = marks((100, 100, "A"), (200, 900, "A"))  # takes no sign from the one after it
    assert merged(marks((0, 1000, "A")), instant) == [(0, 1000, "A"), (100, 100, "A")]


def test_a_repetition_beside_a_held_hand_is_kept() -> None:
    both = merge_hands([marks((100, 200, "A"), (210, 300, "A")), marks((100, 300, "A"))])
    assert [sign[:3] for sign in both.signs] == [(100, 300, "A"), (210, 300, "A")]
    assert (both.two_handed, both.overlapping) == (1, 1)


def test_other_glosses_are_ordered_by_start_and_the_first_hand_comes_first() -> None:
    right, left = marks((100, 200, "R1"), (300, 400, "R2")), marks((100, 150, "L1"), (160, 250, "L2"))
    result = merge_hands([right, left])
    assert [sign.text for sign in result.signs] == ["R1", "L1", "L2", "R2"]
    assert [sign.text for sign in merge_hands([left, right]).signs] == ["L1", "R1", "L2", "R2"]
    assert result.overlapping == 2


def test_many_signs_at_once_take_time_by_their_number_only() -> None:
    """100,000 annotations over each other, as no person signs: compared with each other they would take hours."""
    hands = [marks(*((number, 10**9, "A") for number in range(50_000))) for _ in range(2)]
    assert merge_hands(hands).two_handed == 50_000


@st.composite
def hand(draw: st.DrawFn) -> list[Mark]:
    """Signs of a hand that follow each other, as ELAN has them on a tier."""
    at, signs = 0, []
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 100)), max_size=12)):
        signs.append(Mark(at + gap, at + gap + length, draw(st.sampled_from("ABC")), 1))
        at = signs[-1].end
    return signs


@given(hand(), hand())
def test_no_gloss_is_lost(right: list[Mark], left: list[Mark]) -> None:
    result = merge_hands([right, left])
    signs = result.signs
    assert len(signs) == len(right) + len(left) - result.two_handed
    assert [sign.start for sign in signs] == sorted(sign.start for sign in signs)
    for mark in (*right, *left):
        assert any(sign.text == mark.text and sign.start <= mark.start and mark.end <= sign.end for sign in signs)
    for one in (right, left):
        assert not Counter(mark.text for mark in one) - Counter(sign.text for sign in signs), "repetitions are kept"
    bounds = {mark.start for mark in (*right, *left)}, {mark.end for mark in (*right, *left)}
    assert all(sign.start in bounds[0] and sign.end in bounds[1] for sign in signs)
    assert merge_hands([right, []]).signs == right
