"""TextGrid, Praat's annotation of a recording: its long text form is written; the short one is read too.

Of both forms, only separate numbers, texts in quotes and flags count, as in Praat; the rest is comment, and so is all
that follows a separate `!` on its line.
https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path

from sla_cli.annotation.eaf import plan_tiers
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import AnnotationFile, Mark, Tier
from sla_cli.annotation.timed import Interval, in_milliseconds, seconds
from sla_cli.artifact.text import decode_any_text
from sla_cli.config.bounds import LARGE
from sla_cli.core.annotation import Annotation
from sla_cli.errors import FormatError

HINT = "Save it in Praat as a text file (UTF-8)."
TOKEN = re.compile(
    r'(?<!\S)![^\n\r]*+|"((?:[^"]++|"")*+)"|(?<!\S)([+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?!\S)'
    r"|(?<!\S)(<exists>|<absent>)"
)


def textgrid_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """All tiers are interval tiers from 0 to the duration; where nothing is signed, intervals have no text."""
    sentences = in_milliseconds(annotation)
    last = max((sentence[-1].end for sentence in sentences), default=1)
    end = max(round(annotation.duration * 1000), last)
    tiers = plan_tiers(sentences, layout)
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {seconds(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, tier in enumerate(tiers, start=1):
        lines += [f"    item [{number}]:", *_tier_lines(tier.name, _filled(tier.intervals, end), end)]
    return "\n".join(lines) + "\n"


def _filled(intervals: Sequence[Interval], end: int) -> list[Interval]:
    """The intervals with empty ones between them, without a gap from 0 to `end`."""
    filled, at = [], 0
    for interval in (*intervals, Interval(end, end, "")):
        if interval.start > at:
            filled.append(Interval(at, interval.start, ""))
        filled.append(interval)
        at = interval.end
    return filled[:-1]  # without the end mark


def _tier_lines(name: str, intervals: Sequence[Interval], end: int) -> Iterator[str]:
    yield '        class = "IntervalTier"'
    yield f"        name = {_quoted(name)}"
    yield "        xmin = 0"
    yield f"        xmax = {seconds(end)}"
    yield f"        intervals: size = {len(intervals)}"
    for number, interval in enumerate(intervals, start=1):
        yield f"        intervals [{number}]:"
        yield f"            xmin = {seconds(interval.start)}"
        yield f"            xmax = {seconds(interval.end)}"
        yield f"            text = {_quoted(interval.text)}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def read_textgrid(data: bytes, name: str) -> AnnotationFile:
    """The interval and point tiers of a TextGrid; a point has no duration.

    Args:
        name: name of the file for messages.

    Raises:
        FormatError: it is not a TextGrid, or incomplete; names file and line.
    """
    try:
        text = decode_any_text(data, name)
    except FormatError as error:  # as of Praat's binary form
        raise FormatError(error.message, HINT) from error
    return AnnotationFile(list(_Tokens(text, name).tiers()))


class _Tokens:
    """The tokens of a TextGrid that count, in order."""

    def __init__(self, text: str, name: str) -> None:
        self.name, self.line = name, 1
        self._found = (found for found in TOKEN.finditer(text) if found.lastindex)  # without comments
        self._breaks = [match.start() for match in re.finditer("\n", text)]

    def tiers(self) -> Iterator[Tier]:
        if (self.text(), self.text()) != ("ooTextFile", "TextGrid"):
            raise self._fault("not a TextGrid in text form")
        self.time(), self.time()
        if self._next(3) == "<exists>":
            for _ in range(self.count()):
                yield self._tier()
            if (more := next(self._found, None)) is not None:
                self.line = bisect_right(self._breaks, more.start()) + 1
                raise self._fault("it goes on after the tiers and intervals whose numbers it states")

    def _tier(self) -> Tier:
        kind, name = self.text(), self.text()
        self.time(), self.time()
        if kind not in ("IntervalTier", "TextTier"):
            raise self._fault(f"unknown class of tier {kind[:40]!r}")
        return Tier(name, [self._mark(kind) for _ in range(self.count())])

    def _mark(self, kind: str) -> Mark:
        start = self.time()
        line, end = self.line, self.time() if kind == "IntervalTier" else start
        if end < start:
            raise self._fault(f"an interval ends at {end} ms, before its start at {start} ms")
        return Mark(start, end, " ".join(self.text().split()), line)

    def text(self) -> str:
        return self._next(1).replace('""', '"')

    def time(self) -> int:
        """In milliseconds."""
        seconds = float(self._next(2))
        if not abs(seconds) <= LARGE:
            raise self._fault(f"{seconds:g} s is not a time")
        return round(seconds * 1000)

    def count(self) -> int:
        text = self._next(2)
        if not text.isdecimal() or len(text) > 9:
            raise self._fault(f"{text[:40]!r} is not a number of tiers or intervals")
        return int(text)

    def _next(self, kind: int) -> str:
        """The next token, which must be a text (1), a number (2) or a flag (3)."""
        match = next(self._found, None)
        if match is not None:
            self.line = bisect_right(self._breaks, match.start()) + 1
        if match is None or match[kind] is None:
            wanted = ("text in quotes", "number", "flag")[kind - 1]
            raise self._fault(f"{wanted} is missing" + (": the file ends" if match is None else ""))
        return match[kind]

    def _fault(self, what: str) -> FormatError:
        return FormatError(f"{self.name}, line {self.line}: {what}", HINT)
