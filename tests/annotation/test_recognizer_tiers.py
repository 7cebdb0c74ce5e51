"""Files in which ELAN and a recogniser exchange tiers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.annotation.eaf import TierPlan
from sla_cli.annotation.recognizer_tiers import read_spans, tiers_text
from sla_cli.annotation.timed import Interval
from sla_cli.errors import SlaError

times = st.integers(0, 10**8)
words = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1), max_size=3)


@given(st.lists(st.tuples(times, times, words.map(" ".join)).map(lambda one: Interval(*one))))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, spans: list[Interval]) -> None:
    path = tmp_path_factory.mktemp("tiers") / "t.xml"
    path.write_text(tiers_text([TierPlan("A", "", spans), TierPlan("B", "", [])]), encoding="utf-8")
    assert read_spans(path) == sorted(spans)


def test_times_with_a_dot_are_seconds(tmp_path: Path) -> None:
    path = tmp_path / "t.xml"
    path.write_text('<TIER><span start="1.4999999999999999" end="2.25E0"><v> HAUS  ROT</v><v>x</v></span></TIER>')
    assert read_spans(path) == [(1500, 2250, "HAUS ROT x")]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "line 1: not XML"),
        ("<TIERS/>", "line 1: no TIER"),
        ('<TIER>\n<span start="1"/></TIER>', "line 2: a span without start and end"),
        ('<TIER>\n<span start="nan" end="-5"/></TIER>', "line 2: a span without start and end"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "t.xml"
    path.write_text(text)
    with pytest.raises(SlaError, match=fault):
        read_spans(path)
