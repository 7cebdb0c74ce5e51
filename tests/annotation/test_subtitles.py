"""WebVTT and SRT are read and written as pysubs2 and webvtt-py read and write them."""

from __future__ import annotations

import html
import io
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pysubs2
import pytest
import webvtt
from annotation_cases import EXAMPLE, annotations
from annotation_files import write_annotation
from hypothesis import given, settings

from sla_cli.annotation import subtitles
from sla_cli.annotation.formats import annotation_text, parse_annotation
from sla_cli.annotation.layout import DEFAULT, Layout
from sla_cli.annotation.subtitles import ALIKE, TAG, read_subtitles, srt_text, vtt_text
from sla_cli.core.annotation import Annotation, Sentence, Sign, split_at_pauses
from sla_cli.errors import FormatError
from sla_cli.transcribe.transcript import Transcript

Cue = Literal["gloss", "sentence"]
LONGEST_SRT = 360_000.0  # seconds; pysubs2 reads two digits of hours


def expected(annotation: Annotation, cue: Cue) -> list[tuple[int, int, str]]:
    if cue == "gloss":
        return [(round(one.start * 1000), round(one.end * 1000), one.gloss) for one in annotation.signs]
    return [(round(one.start * 1000), round(one.end * 1000), one.text) for one in annotation.sentences]


def read_vtt(path: Path) -> list[tuple[int, int, str]]:
    captions = webvtt.read(str(path), encoding="utf-8").captions
    return [
        (one.start_time.in_milliseconds(), one.end_time.in_milliseconds(), html.unescape(one.raw_text))
        for one in captions
    ]


@pytest.mark.parametrize("cue", ["gloss", "sentence"])
@settings(max_examples=25, deadline=None)
@given(annotation=annotations())
def test_vtt_reads_back(cue: Cue, annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.vtt"
        write_annotation(path, "vtt", annotation, Layout(cue=cue))
        assert read_vtt(path) == expected(annotation, cue)


@pytest.mark.parametrize("cue", ["gloss", "sentence"])
@settings(max_examples=100, deadline=None)
@given(annotation=annotations())
def test_what_we_write_we_read_back_the_same(cue: Cue, annotation: Annotation) -> None:
    """In SubRip but for brackets of what would be a style or a time there."""
    for kind in ("vtt", "srt"):
        text = annotation_text(kind, annotation, Layout(cue=cue), Path())
        given = expected(annotation, cue)
        if not given:
            continue
        (tier,) = parse_annotation(text.encode(), f"a.{kind}").tiers
        shown = given if kind == "vtt" else [(*times, _in_srt(text)) for *times, text in given]
        assert [mark[:3] for mark in tier.marks] == shown


def _in_srt(text: str) -> str:
    return text.translate(ALIKE) if TAG.search(text) or "-->" in text else text


@pytest.mark.parametrize("gloss", ["{\\an8}", "&amp;", "&lt;b&gt;", "&nbsp;", "&notit;", "&#38;", "A{\\i1}B"])
def test_styles_and_escapes_of_the_other_format_are_text(gloss: str) -> None:
    annotation = Annotation("a", None, 2.0, split_at_pauses([Sign(gloss, 0.0, 1.0, 1.0)], 0.5))
    for kind in ("vtt", "srt"):
        (tier,) = parse_annotation(annotation_text(kind, annotation, DEFAULT, Path()).encode(), f"a.{kind}").tiers
        assert [mark.text for mark in tier.marks] == [gloss if kind == "vtt" else _in_srt(gloss)]


def test_what_was_not_made_by_a_run_is_known_to_be_of_sla_too(tmp_path: Path) -> None:
    one = Transcript("a", None, 10.0, (Sentence((Sign("A", 0.0, 1.0, 1.0),)),), {})
    for _ in range(2):
        one.save(tmp_path / "a.vtt", force=True)
    assert "NOTE made by sla" in (tmp_path / "a.vtt").read_text()


def test_tags_and_styles_in_files_of_others() -> None:
    assert cues("1\n0:0:0,000 --> 0:0:1,000\n{\\an8}<i>A</i> &amp;\n") == [(0, 1000, "A &amp;")]
    assert cues("WEBVTT\n\n00:00.000 --> 00:01.000\n{\\an8}<c.x>A</c> &amp;\n") == [(0, 1000, "{\\an8}A &")]


def _like_times(annotation: Annotation) -> bool:
    """Whether pysubs2 would take a cue's text for its times, as `00:00:01.000 00:00:02.000`."""
    return any(re.search(r"\d+:\d+", sign.gloss) for sign in annotation.signs)


@pytest.mark.parametrize("cue", ["gloss", "sentence"])
@settings(max_examples=25, deadline=None)
@given(annotation=annotations().filter(lambda one: one.duration < LONGEST_SRT and not _like_times(one)))
def test_srt_reads_back(cue: Cue, annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.srt"
        write_annotation(path, "srt", annotation, Layout(cue=cue))
        events = pysubs2.load(str(path), encoding="utf-8", format_="srt", keep_html_tags=True)
        found = [(one.start, one.end, one.text) for one in events]
    assert [alike(one) for one in found] == [alike(one) for one in expected(annotation, cue)]
    assert not any(TAG.search(text) or "-->" in text for *_, text in found)


def alike(cue: tuple[int, int, str]) -> tuple[int, int, str]:
    return (*cue[:2], cue[2].translate(ALIKE))


@settings(max_examples=25, deadline=None)
@given(annotation=annotations())
def test_each_arrow_of_a_vtt_is_one_of_a_cue(annotation: Annotation) -> None:
    text = annotation_text("vtt", annotation, Layout(cue="gloss"), Path())
    assert text.count("-->") == len(annotation.signs)


def test_vtt_layout() -> None:
    assert annotation_text("vtt", EXAMPLE, Layout(), Path()) == (
        "WEBVTT\n\nNOTE made by sla\nrun: runs/a\nweights: best\n\n"
        "00:00:00.120 --> 00:00:00.900\nHEUTE &lt;A&amp;B&gt;\n\n"
        '00:00:02.000 --> 00:00:03.000\n"REGEN"\n'
    )


def test_srt_layout() -> None:
    assert annotation_text("srt", EXAMPLE, Layout(cue="gloss"), Path()) == (
        "1\n00:00:00,120 --> 00:00:00,500\nHEUTE\n\n"
        "2\n00:00:00,500 --> 00:00:00,900\n\u2039A&B\u203a\n\n"
        '3\n00:00:02,000 --> 00:00:03,000\n"REGEN"\n\n'
    )


def test_times_after_99_hours() -> None:
    late = Annotation("a", None, 4e5, tuple(EXAMPLE.sentences))
    moved = annotation_text("vtt", _moved(late, 360_000.0), Layout(), Path())
    assert "100:00:00.120 --> 100:00:00.900" in moved


def test_a_recording_without_signs(tmp_path: Path) -> None:
    silent = Annotation("a", None, 3.0, ())
    write_annotation(tmp_path / "a.vtt", "vtt", silent)
    assert read_vtt(tmp_path / "a.vtt") == []
    assert annotation_text("srt", silent, Layout(), tmp_path) == ""


def _moved(annotation: Annotation, by: float) -> Annotation:
    sentences = tuple(
        replace(one, signs=tuple(replace(sign, start=sign.start + by, end=sign.end + by) for sign in one.signs))
        for one in annotation.sentences
    )
    return replace(annotation, sentences=sentences)


CUES = [(0, 1500, "HEUTE REGEN"), (1500, 2250, "A&B <x> 3"), (3_600_000, 36_000_123, "zwei Zeilen")]


def cues(data: str) -> list[tuple[int, int, str]]:
    (tier,) = read_subtitles(data.encode(), "a.srt").tiers
    return [mark[:3] for mark in tier.marks]


def test_srt_that_pysubs2_writes() -> None:
    file = pysubs2.SSAFile()
    file.events = [pysubs2.SSAEvent(start, end, text.replace("zwei ", "zwei\\N")) for start, end, text in CUES]
    text = file.to_string("srt")
    without_tag = (1500, 2250, "A&B 3")
    assert cues(text) == [CUES[0], without_tag, CUES[2]]
    assert cues("\ufeff" + text.replace("\n", "\r\n")) == cues(text)


def test_webvtt_that_webvtt_py_reads() -> None:
    text = (
        "WEBVTT - title\n\nNOTE\nby hand\n\nSTYLE\n::cue {}\n\nid-1\n00:01.000 --> 00:02.500 align:left\n"
        "<v Anna>HEUTE</v> <b>REGEN</b>\n\n01:00:03.000 --> 01:00:04.250\nA &amp; B\nzwei --> drei\n"
    )
    assert cues(text) == [(1000, 2500, "HEUTE REGEN"), (3_603_000, 3_604_250, "A & B zwei --> drei")]
    peer = webvtt.read_buffer(io.StringIO(text.replace("zwei --> drei\n", "")))
    assert [round(one.start_in_seconds * 1000) for one in peer] == [start for start, *_ in cues(text)]


def test_what_we_write_comes_back() -> None:
    times = [(120, 900, "HEUTE <A&B>"), (2000, 3000, '"REGEN"')]
    for text in (srt_text(EXAMPLE, DEFAULT, Path()), vtt_text(EXAMPLE, DEFAULT, Path())):
        assert [cue[:2] for cue in cues(text)] == [time[:2] for time in times]
    assert [cue[2] for cue in cues(vtt_text(EXAMPLE, DEFAULT, Path()))] == [text for *_, text in times]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello\n", "a.srt holds no subtitles"),
        ("WEBVTT\n\nhello\n", "a.srt holds no subtitles"),
        ("1\n00:00:02,000 --> 00:00:01,000\nx\n", "line 2: a subtitle ends at 1000 ms, before its start at 2000 ms"),
        ("1\n\n0:0:2 --> soon\nx\n", "a.srt, line 3: no times of a subtitle: '0:0:2 --> soon'"),
        ("1\n0:0:1,000 --> 0:0:2,000\nx\n\n2\n0:0:3,000 --> soon\ny\n", "a.srt, line 6: no times of a subtitle"),
        ("\0\1\2", "holds no subtitles"),
    ],
)  # fmt: skip
def test_what_are_no_subtitles(content: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        cues(content)


def test_text_after_an_empty_line_in_a_cue_of_subrip_is_said(caplog: pytest.LogCaptureFixture) -> None:
    cue = "1\n00:00:01,000 --> 00:00:02,000\nHAUS\n\n{}2\n00:00:03,000 --> 00:00:04,000\nREGEN\n\n"
    left = "a.srt, line 5: 'BAUM' is in no subtitle, and left out (2 lines in all)"
    for more, said in (("", []), ("BAUM\n12 MAL\n\n", [left])):
        caplog.clear()
        (tier,) = read_subtitles(cue.format(more).encode(), "a.srt").tiers
        assert [mark.text for mark in tier.marks] == ["HAUS", "REGEN"]
        assert caplog.messages == said


def test_without_empty_lines_the_number_of_the_next_cue_is_text_only_where_cues_have_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "00:00:01,000 --> 00:00:04,000\nHAUS\n3\n2\n00:00:05,000 --> 00:00:09,000\nNORD\n7\n"
    assert cues(f"1\n{text}") == [(1000, 4000, "HAUS 3"), (5000, 9000, "NORD 7")]
    assert caplog.messages == []
    for unnumbered in (f"WEBVTT\n\n{text}", text):
        assert cues(unnumbered) == [(1000, 4000, "HAUS 3 2"), (5000, 9000, "NORD 7")]


@given(annotations())
def test_of_what_we_write_nothing_is_left_out(annotation: Annotation) -> None:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subtitles.log, "warning", lambda *given: said.append(str(given)))
        if annotation.sentences:
            read_subtitles(srt_text(annotation, DEFAULT, Path()).encode(), "a.srt")
    assert said == []
