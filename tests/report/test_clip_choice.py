from __future__ import annotations

import pytest

from sla_cli.core.clip_score import ClipScore, score_clip
from sla_cli.report.clip_choice import DIFFER, choose_clips, listed_clips


def clip(*heard: str) -> list[ClipScore]:
    """What systems made of the reference `A B C D`."""
    return [score_clip("", "ABCD", text) for text in heard]


MADE = {"half": clip("ABXY"), "quarter": clip("ABCX"), "all": clip("WXYZ"), "none": clip("ABCD"), "fifth": clip("ABCX")}


def test_clips_are_spread_from_worst_to_best() -> None:
    assert list(choose_clips(MADE, 1)) == ["all"]
    assert set(choose_clips(MADE, 2)) == {"all", "none"}
    assert choose_clips(MADE, 0) == {}
    assert list(choose_clips(MADE, 99)) == list(MADE)


def test_where_systems_differ_comes_first() -> None:
    made = {"same": clip("WXYZ", "WXYZ"), "little": clip("ABCD", "ABCX"), "much": clip("ABCD", "WXYZ")}
    assert choose_clips(made, 1) == {"much": DIFFER}


def test_all_are_listed_where_they_fit() -> None:
    assert set(listed_clips({"a": clip("ABCD"), "b": clip("")}, ())) == {"a", "b"}


def test_of_too_many_those_with_most_errors_are_listed_and_those_with_a_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = {
        "right": clip("ABCD"),
        "half": clip("AB"),
        "none": clip(""),
        "most": clip("ABC"),
        "pictured": clip("ABCD"),
    }
    monkeypatch.setattr("sla_cli.report.clip_choice.ROWS", 3)
    assert set(listed_clips(scores, ["pictured"])) == {"pictured", "none", "half"}
    monkeypatch.setattr("sla_cli.report.clip_choice.STEPS", 8)  # two clips of four
    assert set(listed_clips(scores, ["pictured"])) == {"pictured", "none"}
