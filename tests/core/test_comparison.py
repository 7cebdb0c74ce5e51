"""Segments of the matched-pairs test and the glosses that two systems recognise differently."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.core.clip_score import pooled, score_clip
from sla_cli.core.comparison import Both, Change, changes, segments

glosses = st.lists(st.sampled_from("ABCDE"), max_size=20)


def pair(reference: str, first: str, second: str) -> Both:
    a, b = (score_clip("clip", reference.split(), text.split()) for text in (first, second))
    return a, b


@pytest.mark.parametrize(
    ("reference", "first", "second", "expected"),
    [
        ("A B C D", "A B C D", "A B C D", []),
        ("A B C D", "X B C D", "A B C D", [(1, 0)]),
        ("A B C D E F", "X B C D E Y", "A B C D E F", [(1, 0), (1, 0)]),  # four right words between
        ("A B C D", "X B C Y", "A B C D", [(1, 0), (1, 0)]),  # two are enough
        ("A B C", "X B Y", "A B C", [(2, 0)]),  # one is not
        ("A B C D", "X B C D", "A B C Y", [(1, 0), (0, 1)]),
        ("A B C D", "X B C D", "A B Z D", [(1, 1)]),  # B is right in both, C only in the first
        ("A B C D", "X B Q C Y", "A B C D", [(3, 0)]),  # an insertion parts the two right words
        ("A B C D", "A B C D Q", "Q A B C D", [(0, 1), (1, 0)]),
        ("A B", "", "A B Q", [(2, 1)]),
        ("", "Q", "", [(1, 0)]),
    ],
)
def test_segments(reference: str, first: str, second: str, expected: list[tuple[int, int]]) -> None:
    assert segments([pair(reference, first, second)]) == expected


def test_segments_do_not_cross_clips() -> None:
    assert segments([pair("A", "X", "A"), pair("A", "A", "X")]) == [(1, 0), (0, 1)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(glosses, glosses, glosses), max_size=4))
def test_segments_hold_every_error_once(texts: list[tuple[list[str], list[str], list[str]]]) -> None:
    clips = [pair(*map(" ".join, those)) for those in texts]
    found = segments(clips)
    assert all(a or b for a, b in found)
    for side in (0, 1):
        assert sum(segment[side] for segment in found) == pooled([both[side] for both in clips]).errors


def test_changes() -> None:
    clips = [pair("A B C", "A X C", "a b X"), pair("b B D", "b", "B B"), pair("D", "D", "D")]
    assert changes(clips) == [Change("B", 3, 2, 0), Change("C", 1, 0, 1)]
