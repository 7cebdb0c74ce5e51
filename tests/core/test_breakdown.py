"""Parts of a score add up to the whole, and show how each gloss was recognised."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.core.breakdown import Breakdown, Confusion, GlossCounts
from sla_cli.core.clip_score import ClipScore, pooled, score_clip
from sla_cli.core.edit_alignment import Counts

glosses = st.lists(st.sampled_from(["A", "a", "B", "C", "D"]), max_size=25)
clip_scores = st.lists(
    st.builds(score_clip, st.text(max_size=3), glosses, glosses, st.sampled_from(["", "1", "2"])), max_size=6
)


def clip(reference: str, hypothesis: str, signer: str = "") -> ClipScore:
    return score_clip("clip", reference.split(), hypothesis.split(), signer)


@settings(max_examples=20, deadline=None)
@given(clip_scores)
def test_parts_add_up(clips: list[ClipScore]) -> None:
    total = pooled(clips)
    for parts in (Breakdown(clips).signers, Breakdown(clips).lengths):
        assert not parts or sum((part.counts for part in parts), Counts()) == total
        assert not parts or sum(part.clips for part in parts) == len(clips)
    found = Breakdown(clips).glosses
    assert sum(one.correct for one in found) == total.correct
    assert sum(one.substituted for one in found) == sum(one.mistaken for one in found) == total.substitutions
    assert sum(one.deleted for one in found) == total.deletions
    assert sum(one.inserted for one in found) == total.insertions
    assert sum(one.count for one in Breakdown(clips).confusions) == total.substitutions
    assert len({one.gloss.lower() for one in found}) == len(found)


def test_signers() -> None:
    parts = Breakdown([clip("A", "A", "s2"), clip("A B", "A", "s1"), clip("C", "C", "s2")]).signers
    assert [(part.name, part.clips, part.counts) for part in parts] == [
        ("s1", 1, Counts(correct=1, deletions=1)),
        ("s2", 2, Counts(correct=2)),
    ]
    assert Breakdown([clip("A", "A")]).signers == []


def test_lengths_are_those_of_the_reference() -> None:
    lengths = [0, 1, 3, 4, 6, 7, 9, 10, 14, 15, 19, 20, 99]
    parts = Breakdown([clip("A " * n, "A " * 5) for n in reversed(lengths)]).lengths
    assert [(part.name, part.clips) for part in parts] == [
        ("0", 1),
        ("1-3", 2),
        ("4-6", 2),
        ("7-9", 2),
        ("10-14", 2),
        ("15-19", 2),
        ("20+", 2),
    ]


def test_glosses_with_most_errors_first_whatever_their_case() -> None:
    found = Breakdown([clip("REGEN WIND", "regen SONNE"), clip("Wind", ""), clip("REGEN", "REGEN wind")]).glosses
    assert found == [
        GlossCounts("WIND", correct=0, substituted=1, deleted=1, mistaken=0, inserted=1),
        GlossCounts("SONNE", correct=0, substituted=0, deleted=0, mistaken=1, inserted=0),
        GlossCounts("REGEN", correct=2, substituted=0, deleted=0, mistaken=0, inserted=0),
    ]
    assert [(one.recall, one.precision) for one in found] == [(0.0, 0.0), (None, 0.0), (100.0, 100.0)]
    assert GlossCounts("X", 0, 0, 2, 0, 0).precision is None


def test_confusions() -> None:
    clips = [clip("A B", "A C"), clip("a b", "a c"), clip("D", "A")]
    assert Breakdown(clips).confusions == [Confusion("B", "C", 2), Confusion("D", "A", 1)]
