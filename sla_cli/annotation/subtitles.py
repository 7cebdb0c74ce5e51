"""Subtitles: WebVTT and SubRip, one cue per sentence or per gloss.

WebVTT: https://www.w3.org/TR/webvtt1. SubRip has no standard and no escaping: players may treat `<i>` as a style.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sla_cli.annotation.layout import Layout
from sla_cli.annotation.timed import Interval, in_milliseconds, printable, sentence_interval
from sla_cli.core.annotation import Annotation


def vtt_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """WebVTT; how the annotation was made is in a NOTE, which players do not show."""
    blocks = ["WEBVTT\n"]
    if annotation.made:
        lines = [_escaped(printable(f"{key}: {value}")) for key, value in annotation.made.items()]
        blocks.append("\n".join(("NOTE made by sla", *lines, "")))
    for start, end, text in cues(annotation, layout):
        blocks.append(f"{_clock(start, '.')} --> {_clock(end, '.')}\n{_escaped(text)}\n")
    return "\n".join(blocks)


def srt_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """SubRip."""
    return "".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{text}\n\n"
        for number, (start, end, text) in enumerate(cues(annotation, layout), start=1)
    )


def cues(annotation: Annotation, layout: Layout) -> Iterator[Interval]:
    """The cues with their times, in order of time."""
    for sentence in in_milliseconds(annotation):
        if layout.cue == "sentence":
            yield sentence_interval(sentence)
        else:
            yield from (sign.interval for sign in sentence)


def _escaped(text: str) -> str:
    """Text in which tags, and the arrow of a cue's times, are escaped."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(milliseconds: int, point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"
