"""Sentences aligned side by side against the same sentences one by one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.core.edit_alignment import align, align_all

sentence = st.lists(st.sampled_from(["A", "a", "B", "C", "D", "ß", "İ"]), max_size=12).map(tuple)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(sentence, sentence), max_size=12))
def test_each_is_aligned_as_it_is_alone(pairs: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> None:
    found = align_all([ref for ref, _ in pairs], [hyp for _, hyp in pairs])
    assert list(found) == [align(ref, hyp) for ref, hyp in pairs]


@pytest.mark.parametrize("cells", [1, 100, 1 << 20])
def test_groups_of_any_size_with_long_ones_between(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.core.edit_steps_together.CELLS", cells)
    draw = random.Random(0)
    lengths = [(3, 4), (200, 190), (0, 0), (5, 300), (300, 2), (3, 4), (0, 7), (7, 0), (130, 140)]
    refs, hyps = ([tuple(draw.choices("ABCDEF", k=pair[side])) for pair in lengths] for side in (0, 1))
    assert list(align_all(refs, hyps)) == [align(*pair) for pair in zip(refs, hyps, strict=True)]


def test_equal_steps_of_a_corpus_are_one_object() -> None:
    first, second = align_all([("A", "B"), ("A",)], [("A", "C"), ("A",)])
    assert first[0] is second[0]
