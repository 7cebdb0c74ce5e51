from __future__ import annotations

from sla_cli.core.result import ClipScore, score_clip
from sla_cli.report.clip_choice import DIFFER, choose_clips


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
