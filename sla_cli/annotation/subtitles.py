"""Subtitles: WebVTT and SubRip, written with one cue per sentence or per gloss, and read as one tier.

WebVTT: https://www.w3.org/TR/webvtt1. SubRip has no standard and no escaping: players may treat `<i>` as a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.annotation.timed import Interval, in_milliseconds, printable, sentence_interval
from sla_cli.artifact.text import decode_any_text
from sla_cli.core.annotation import Annotation
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError
from sla_cli.log import log

CUES = "cues"  # name of the tier
TIME = r"(?:([0-9]{1,5}):)?([0-9]{1,2}):([0-9]{1,2})[.,]([0-9]{3})"
TIMING = re.compile(rf"\s*{TIME}\s*-->\s*{TIME}(?:\s.*)?")
ALIKE = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        "{": "(",
    }
)
VTT_TAG = re.compile(r"</?[A-Za-z\d][^<>]*>")
TAG = re.compile(rf"{VTT_TAG.pattern}|\{{\\[^{{}}]*\}}")  # of SubRip, with the styles of other players


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
    """SubRip. It cannot escape: where a text would be a style or a time, its brackets become others that look alike."""
    return "".join(
        f"{number}\n{_clock(start, ',')} --> {_clock(end, ',')}\n{_harmless(text)}\n\n"
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


def _harmless(text: str) -> str:
    return text.translate(ALIKE) if TAG.search(text) or "-->" in text else text


def _clock(milliseconds: int, point: str) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def read_subtitles(data: bytes, name: str) -> AnnotationFile:
    """The cues of subtitles, without tags. `&lt;` and `{\\an8}` are read as what they mean in the file's format only.

    Args:
        name: name of the file for messages.

    Raises:
        FormatError: there is no cue, or one has no times or ends before it starts; names file and line.
    """
    marks: list[Mark] = []
    text = decode_any_text(data, name)
    lines = [*text.split("\n"), ""]
    plain = _vtt_plain if text.startswith("WEBVTT") or name.lower().endswith(".vtt") else _srt_plain
    for number, line in enumerate(lines, start=1):
        if "-->" not in line:
            continue
        found = TIMING.fullmatch(line)
        if found is None:
            if marks and lines[number - 2].strip():
                continue  # text of a cue
            raise FormatError(f"{name}, line {number}: no times of a subtitle: {line[:60]!r}")
        start, end = _milliseconds(found.groups()[:4]), _milliseconds(found.groups()[4:])
        if end < start:
            raise FormatError(f"{name}, line {number}: a subtitle ends at {end} ms, before its start at {start} ms")
        marks.append(Mark(start, end, " ".join(plain(_text(lines, number)).split()), number))
    if plain is _srt_plain:
        _warn_of_rest(lines, marks, name)
    if not marks:
        raise FormatError(
            f"{name} holds no subtitles", "Give SRT or WebVTT with times like 00:00:01.000 --> 00:00:02.000."
        )
    return AnnotationFile([Tier(CUES, marks)])


def _warn_of_rest(lines: list[str], marks: list[Mark], name: str) -> None:
    """Say which lines belong to no cue of SubRip, such as those after an empty line in its text."""
    borders = [0, *(mark.line for mark in marks), len(lines) + 1]
    rest = list[int]()
    for first, after in pairwise(borders):
        end = next((at for at in range(first, after - 1) if not lines[at].strip()), after - 1) if first else 0
        between = [at for at in range(end, after - 1) if lines[at].strip()]
        if between and after <= len(lines) and lines[between[-1]].strip().isdecimal():
            between.pop()  # the number of the next cue
        rest += between
    if rest:
        text, number = lines[rest[0]].strip()[:60], counted(len(rest), "line")
        log.warning("%s, line %d: %r is in no subtitle, and left out (%s in all)", name, rest[0] + 1, text, number)


def _text(lines: list[str], number: int) -> str:
    """Text of the lines from this index to an empty line, or to the next line with times."""
    end = next(
        place for place in range(number, len(lines)) if not lines[place].strip() or TIMING.fullmatch(lines[place])
    )
    return " ".join(lines[number:end])


def _vtt_plain(text: str) -> str:
    return unescape(VTT_TAG.sub("", text))


def _srt_plain(text: str) -> str:
    return TAG.sub("", text)


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
