"""SRT and WebVTT are read as pysubs2 and webvtt-py read and write them."""

from __future__ import annotations

import io
from pathlib import Path

import pysubs2
import pytest
import webvtt
from annotation_cases import EXAMPLE

from sla_cli.annotation.layout import DEFAULT
from sla_cli.annotation.subtitles import read_subtitles, srt_text, vtt_text
from sla_cli.errors import FormatError

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
        ("", "a.srt holds no subtitles"),
        ("WEBVTT\n\nhello\n", "a.srt holds no subtitles"),
        ("1\n00:00:02,000 --> 00:00:01,000\nx\n", "line 2: a subtitle ends at 1000 ms, before its start at 2000 ms"),
        ("1\n\n0:0:2 --> soon\nx\n", "a.srt, line 3: no times of a subtitle: '0:0:2 --> soon'"),
        ("\0\1\2", "holds no subtitles"),
    ],
)  # fmt: skip
def test_what_are_no_subtitles(content: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        cues(content)
