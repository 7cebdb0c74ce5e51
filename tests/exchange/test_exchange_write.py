"""What is written in the formats of the field reads back equal, and what a format cannot hold is refused."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import SlaError
from sla_cli.exchange.ctm import read_times
from sla_cli.exchange.gloss_files import read_gloss_file, write_export

HOSTILE = ["<PAD>", "|", "##X", "▁", "NULL", "nan", '"', "a,b", "A(1)", "(x)", "人", "انا", ";;", "1.0", "<O>", "_"]
glosses = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=6).filter(lambda text: text.split() == [text]),
)
clip_ids = st.from_regex(r"[A-Za-z0-9_./\-]{1,12}", fullmatch=True)


@st.composite
def clips(draw: st.DrawFn) -> list[list[Hypothesis]]:
    found = []
    for name in draw(st.lists(clip_ids, min_size=1, max_size=4, unique=True)):
        words = draw(st.lists(st.tuples(glosses, st.integers(1, 40), st.floats(0, 1)), max_size=8))
        ends = [sum(length for _, length, _ in words[: number + 1]) for number in range(len(words))]
        spans = tuple((end - length, end) for end, (_, length, _) in zip(ends, words, strict=True))
        sure = tuple(value for _, _, value in words)
        found.append([Hypothesis(name, tuple(word for word, _, _ in words), -1.0, spans, sure, fps=25.0)])
    return found


@pytest.mark.parametrize("kind", ["ctm", "stm", "trn", "csv", "jsonl"])
@settings(max_examples=50, deadline=None)
@given(clips=clips())
def test_reads_back_equal(kind: str, clips: list[list[Hypothesis]]) -> None:
    clips = [clip for clip in clips if clip[0].glosses or kind != "ctm"]  # a CTM cannot name a clip without glosses
    if kind == "trn":  # such a line would be a comment, and the byte-order mark would go
        clips = [clip for clip in clips if not "".join(clip[0].glosses).startswith((";;", "\ufeff"))]
    marks = {"stm": ("(", "{"), "trn": ("{",)}.get(kind, ())  # which sclite does not take for glosses
    clips = [clip for clip in clips if not any(gloss.startswith(marks) for gloss in clip[0].glosses)]
    if not clips:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"hyp.{kind}"
        write_export(path, kind, clips)
        back = read_gloss_file(path).best
    assert [(one.id, one.glosses) for one in back] == [(clip[0].id, clip[0].glosses) for clip in clips]


@pytest.mark.parametrize(
    ("kind", "gloss"),
    [
        *((kind, gloss) for kind in ("stm", "trn") for gloss in ("{", "{A")),
        *(("stm", gloss) for gloss in ("(x)", "IGNORE_TIME_SEGMENT_IN_SCORING")),
    ],
)
def test_what_sclite_takes_for_something_else_is_not_written(tmp_path: Path, kind: str, gloss: str) -> None:
    clip = Hypothesis("c", ("A", gloss), -1.0, ((0, 1), (1, 2)), (1.0, 1.0), fps=25.0)
    with pytest.raises(SlaError, match=f"clip c holds in {kind.upper()}"):
        write_export(tmp_path / "a", kind, [[clip]])
    assert not (tmp_path / "a").exists()


CLIPS = [
    [Hypothesis("c/1", ("HEUTE", "REGEN"), -4.25, ((0, 12), (250, 275)), (0.98, 0.7), fps=25.0),
     Hypothesis("c/1", ("HEUTE",), -6.0, ((0, 12),), (0.98,), 2, 25.0)],
    [Hypothesis("c/2", (), fps=25.0)],
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ctm", "c/1 1 00.000 0.480 HEUTE 0.9800\nc/1 1 10.000 1.000 REGEN 0.7000\n"),
        ("stm", "c/1 1 c/1 0.000 11.000 <O> HEUTE REGEN\nc/2 1 c/2 0.000 0.000 <O>\n"),
        ("trn", "HEUTE REGEN (c/1)\n(c/2)\n"),
        ("csv", "id,gloss\nc/1,HEUTE REGEN\nc/2,\n"),
    ],
)
def test_layout(tmp_path: Path, kind: str, text: str) -> None:
    write_export(tmp_path / "hyp", kind, CLIPS)
    assert (tmp_path / "hyp").read_text() == text


def test_start_times_sort_as_text(tmp_path: Path) -> None:
    """sclite sorts them so."""
    spans = tuple((start, start + 1) for start in (0, 9, 95, 120, 999, 1000, 25_000))
    write_export(tmp_path / "hyp", "ctm", [[Hypothesis("c", tuple("ABCDEFG"), 0.0, spans, fps=10.0)]])
    starts = [line.split()[2] for line in (tmp_path / "hyp").read_text().splitlines()]
    assert starts == sorted(starts)
    assert [float(start) for start in starts] == [start / 10 for start, _ in spans]


def test_a_ctm_gloss_ends_where_the_next_one_begins(tmp_path: Path) -> None:
    """Also where neither its start nor its duration has three decimals."""
    spans = tuple((start, start + 7) for start in range(0, 7000, 7))
    write_export(tmp_path / "hyp", "ctm", [[Hypothesis("c", ("A",) * 1000, 0.0, spans, fps=30000 / 1001)]])
    signs = read_times((tmp_path / "hyp").read_text(), "hyp")["c"]
    assert [sign.end for sign in signs[:-1]] == [sign.start for sign in signs[1:]]


def test_json_lines_hold_everything(tmp_path: Path) -> None:
    write_export(tmp_path / "hyp", "jsonl", CLIPS)
    one, two = map(json.loads, (tmp_path / "hyp").read_text().splitlines())
    assert (one["id"], one["glosses"], one["score"]) == ("c/1", ["HEUTE", "REGEN"], -4.25)
    assert one["spans"] == [[0, 12], [250, 275]]
    assert one["times"] == [[0.0, 0.48], [10.0, 11.0]]
    assert one["confidence"] == [0.98, 0.7]
    assert [reading["glosses"] for reading in one["nbest"]] == [["HEUTE", "REGEN"], ["HEUTE"]]
    assert two["nbest"] == [{"glosses": [], "score": 0.0, "spans": [], "confidence": [], "times": []}]


@pytest.mark.parametrize(
    ("kind", "name", "fps", "message"),
    [
        ("ctm", "a b", 25.0, "clip id 'a b' does not fit in a CTM"),
        ("ctm", ";;a", 25.0, "does not fit in a CTM"),
        ("stm", "a\tb", 25.0, "does not fit in a STM"),
        ("trn", "a)", 25.0, "does not fit in a TRN"),
        ("ctm", "a", 0.0, "no frame rate"),
        ("stm", "a", 0.0, "no frame rate"),
        ("cmt", "a", 25.0, "no format 'cmt'"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(tmp_path: Path, kind: str, name: str, fps: float, message: str) -> None:
    with pytest.raises(SlaError, match=message) as caught:
        write_export(tmp_path / "hyp", kind, [[Hypothesis(name, ("A",), 0.0, ((0, 1),), fps=fps)]])
    assert kind != "ctm" or "the table alone" in caught.value.hint  # `sla align` has no other format that fits
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["ctm", "stm", "trn", "csv", "jsonl"])
@pytest.mark.parametrize(
    "name", ["", " a", "a ", "\ta", "a\n", "a\nb", "a\u2003", "\x1ca", "a\x85", "\ufeffa", "a\ud800", "a\udcff"]
)
def test_an_id_that_would_not_be_read_back_is_refused(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(SlaError, match="would not be read back the same"):
        write_export(tmp_path / "hyp", kind, [[Hypothesis(name, ("A",), 0.0, ((0, 1),), fps=25.0)]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@settings(max_examples=100, deadline=None)
@given(name=st.text(st.characters(), min_size=1, max_size=6))
def test_any_other_id_reads_back(kind: str, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"hyp.{kind}"
        try:
            write_export(path, kind, [[Hypothesis(name, ("A",))]])
        except SlaError:
            return
        assert [one.id for one in read_gloss_file(path).best] == [name]


@pytest.mark.parametrize(("kind", "text"), [("ctm", "a 1 0.0 1.0 A\n"), ("stm", "a 1 s 0.0 1.0 A\n")])
def test_a_byte_order_mark_is_no_part_of_an_id(tmp_path: Path, kind: str, text: str) -> None:
    for mark in ("", "\ufeff"):
        (tmp_path / f"hyp.{kind}").write_text(mark + text, encoding="utf-8")
        assert [one.id for one in read_gloss_file(tmp_path / f"hyp.{kind}").best] == ["a"]


def test_a_trn_does_not_begin_with_a_comment(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="clip a: a TRN cannot begin with gloss ';;X'"):
        write_export(tmp_path / "hyp", "trn", [[Hypothesis("a", (";;X",))]])


def test_times_need_spans(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="clip a: its glosses have no spans"):
        write_export(tmp_path / "hyp", "ctm", [[Hypothesis("a", ("A",), fps=25.0)]])
