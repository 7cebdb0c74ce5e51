"""Subtitles: WebVTT and SubRip, written with one cue per sentence or per gloss, and read as one tier.

WebVTT: https://www.w3.org/TR/webvtt1. SubRip has no standard and no escaping: players may treat `<i>` as a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from itertools import pairwise
from pathlib import Path

from sla_cli.annotation.eaf import ANNOTATOR
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.annotation.timed import Interval, in_milliseconds, printable, sentence_interval
from sla_cli.artifact.text import decode_any_text
from sla_cli.core.annotation import Annotation
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError
from sla_cli.log import log

CUES = "cues"  # name of the tier
OWN_VTT = "WEBVTT\n\nNOTE made by sla\n"  # how WebVTT of sla begins; SubRip cannot say who made it
NO_CUES = ("WEBVTT", "NOTE", "STYLE", "REGION")  # begin parts of WebVTT that are no cue
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
    made = [_escaped(printable(f"{key}: {value}")) for key, value in annotation.made.items()]
    blocks = [OWN_VTT + "".join(f"{line}\n" for line in made)]
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

    The annotator of WebVTT that sla wrote is sla.

    Args:
        name: name of the file for messages.

    Raises:
        FormatError: there is text, but no cue, or one has no times or ends before it starts; names file and line.
    """
    marks, cues = list[Mark](), list[tuple[int, int]]()
    text = decode_any_text(data, name)
    lines = [*text.split("\n"), ""]
    plain = _vtt_plain if text.startswith("WEBVTT") or name.lower().endswith(".vtt") else _srt_plain
    numbered = plain is _srt_plain and _is_numbered(lines)
    for number, line in enumerate(lines, start=1):
        if "-->" not in line:
            continue
        found = TIMING.fullmatch(line)
        if found is None:
            if cues and number <= cues[-1][1]:
                continue  # text of a cue
            raise FormatError(f"{name}, line {number}: no times of a subtitle: {line[:60]!r}")
        start, end = _milliseconds(found.groups()[:4]), _milliseconds(found.groups()[4:])
        if end < start:
            raise FormatError(f"{name}, line {number}: a subtitle ends at {end} ms, before its start at {start} ms")
        after = _end(lines, number, numbered=numbered)
        marks.append(Mark(start, end, " ".join(plain(" ".join(lines[number:after])).split()), number))
        cues.append((number - 1, after))
    if plain is _srt_plain:  # WebVTT has notes and styles between its cues
        _warn_of_rest(lines, cues, name)
    if not marks and any(not part.startswith(NO_CUES) for part in text.strip().split("\n\n") if part):
        raise FormatError(
            f"{name} holds no subtitles", "Give SRT or WebVTT with times like 00:00:01.000 --> 00:00:02.000."
        )
    return AnnotationFile([Tier(CUES, marks, annotator=ANNOTATOR if text.startswith(OWN_VTT) else "")])


def _is_numbered(lines: list[str]) -> bool:
    """Whether a number is before the first times, as in most SubRip."""
    first = next((place for place, line in enumerate(lines) if TIMING.fullmatch(line)), 0)
    return first > 0 and lines[first - 1].strip().isdecimal()


def _end(lines: list[str], number: int, numbered: bool) -> int:
    """Index of the empty line, or of the next line with times, that ends a text which begins at an index.

    Args:
        numbered: whether a number before the next times is that of the next cue; else it is text.
    """
    end = next(
        place for place in range(number, len(lines)) if not lines[place].strip() or TIMING.fullmatch(lines[place])
    )
    next_number = numbered and end > number and lines[end].strip() and lines[end - 1].strip().isdecimal()
    return end - 1 if next_number else end


def _warn_of_rest(lines: list[str], cues: list[tuple[int, int]], name: str) -> None:
    """Say which lines are in no cue, such as those after an empty line in the text of SubRip.

    Args:
        cues: index of the line with times of each, and the one after its text.
    """
    rest: list[int] = []
    for (_, end), (begin, _) in pairwise([(0, 0), *cues, (len(lines), 0)]):
        between = [place for place in range(end, begin) if lines[place].strip()]
        is_number = begin < len(lines) and between and lines[between[-1]].strip().isdecimal()  # of the next cue
        rest += between[:-1] if is_number else between
    if rest:
        text, number = lines[rest[0]].strip()[:60], counted(len(rest), "line")
        log.warning("%s, line %d: %r is in no subtitle, and left out (%s in all)", name, rest[0] + 1, text, number)


def _vtt_plain(text: str) -> str:
    return unescape(VTT_TAG.sub("", text))


def _srt_plain(text: str) -> str:
    return TAG.sub("", text)


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths
