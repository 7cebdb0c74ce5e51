"""WebVTT and SRT, read back by webvtt-py and pysubs2."""

from __future__ import annotations

import html
import re
import tempfile
from pathlib import Path
from typing import Literal

import pysubs2
import pytest
import webvtt
from annotation_cases import EXAMPLE, annotations
from hypothesis import given, settings

from sla_cli.annotation.formats import annotation_text, write_annotation
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation

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
@settings(max_examples=60, deadline=None)
@given(annotation=annotations())
def test_vtt_reads_back(cue: Cue, annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.vtt"
        write_annotation(path, "vtt", annotation, Layout(cue=cue))
        assert read_vtt(path) == expected(annotation, cue)


def _like_times(annotation: Annotation) -> bool:
    """Whether pysubs2 would take a cue's text for its times, as `00:00:01.000 00:00:02.000`."""
    return any(re.search(r"\d+:\d+", sign.gloss) for sign in annotation.signs)


@pytest.mark.parametrize("cue", ["gloss", "sentence"])
@settings(max_examples=60, deadline=None)
@given(annotation=annotations().filter(lambda one: one.duration < LONGEST_SRT and not _like_times(one)))
def test_srt_reads_back(cue: Cue, annotation: Annotation) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.srt"
        write_annotation(path, "srt", annotation, Layout(cue=cue))
        events = pysubs2.load(str(path), encoding="utf-8", format_="srt", keep_html_tags=True)
        assert [(one.start, one.end, one.text) for one in events] == expected(annotation, cue)


@settings(max_examples=60, deadline=None)
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
        "2\n00:00:00,500 --> 00:00:00,900\n<A&B>\n\n"
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
    from dataclasses import replace

    sentences = tuple(
        replace(one, signs=tuple(replace(sign, start=sign.start + by, end=sign.end + by) for sign in one.signs))
        for one in annotation.sentences
    )
    return replace(annotation, sentences=sentences)
