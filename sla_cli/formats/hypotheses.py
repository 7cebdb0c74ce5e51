"""Hypotheses: the glosses a decoder recognised, a reading a line. docs/formats.md is the specification.

UTF-8, lines ended by a line feed:

    # sla-hypotheses 2
    # corpus phoenix2014
    # split dev
    # fps 25.0
    id<TAB>rank<TAB>score<TAB>spans<TAB>confidence<TAB>glosses
    clip-1<TAB>1<TAB>-4.25<TAB>0-12 16-24<TAB>0.98 0.71<TAB>HEUTE REGEN

A clip's readings follow each other, ranks from 1. Spans are video frames, end exclusive. Spans and confidence are one
a gloss, or none at all. Spans, confidence and glosses are separated by one space.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sla_cli.atomic import atomic_write
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.table import read_text

NAME, VERSION = "sla-hypotheses", 2
MAGIC = f"# {NAME} "
FACT = "# "
COLUMNS = "id\trank\tscore\tspans\tconfidence\tglosses"
AGAIN = "Make it again with `sla decode --force`."


@dataclass(frozen=True)
class Facts:
    """What all readings of a file share.

    Attributes:
        corpus, split: where the clips come from, "" where unknown.
        fps: video frames a second, 0.0 where unknown; spans divided by it are seconds.
    """

    corpus: str = ""
    split: str = ""
    fps: float = 0.0


def write_hypotheses(path: Path, readings: Iterable[Hypothesis], facts: Facts | None = None) -> None:
    """Write readings, a clip's one after the other; the file appears only when whole, and reads back equal.

    Raises:
        SlaError: an id or gloss that a line cannot hold; spans, confidence or ranks that do not fit; a score of NaN.
    """
    readings, facts = list(readings), facts or Facts()
    _check_ranks(readings)
    head = f"{MAGIC}{VERSION}\n" + "".join(
        f"{FACT}{key} {value}\n" for key, value in vars(facts).items() if value not in ("", 0.0)
    )
    rows = "".join(map(_row, readings))
    with atomic_write(path) as temporary:
        temporary.write_text(f"{head}{COLUMNS}\n{rows}", encoding="utf-8", newline="\n")


def read_hypotheses(path: Path) -> list[Hypothesis]:
    """The best reading of each clip, in the file's order.

    Raises:
        FormatError: another format or version, a malformed line, an id that comes twice, ranks out of order.
    """
    return [readings[0] for readings in read_nbest(path).values()]


def read_nbest(path: Path) -> dict[str, list[Hypothesis]]:
    """All readings by clip id, best first. Raises FormatError as `read_hypotheses` does."""
    lines = read_text(path).split("\n")
    head = _head_length(path, lines)
    if lines.pop():
        raise FormatError(f"{path}, line {len(lines) + 1}: the file is cut in the middle of a line", AGAIN)
    clips: dict[str, list[Hypothesis]] = {}
    first_line: dict[str, int] = {}
    before = ""
    for number, line in enumerate(lines[head:], start=head + 1):
        reading = _parse(line, f"{path}, line {number}")
        known = first_line.setdefault(reading.id, number)
        if known != number and (before != reading.id or reading.rank == 1):
            raise FormatError(f"{path}, line {number}: {reading.id} came before, on line {known}", AGAIN)
        readings = clips.setdefault(reading.id, [])
        if reading.rank != len(readings) + 1:
            raise FormatError(f"{path}, line {number}: rank {reading.rank} where {len(readings) + 1} is due", AGAIN)
        readings.append(reading)
        before = reading.id
    return clips


def read_facts(path: Path) -> Facts:
    """Corpus, split and frame rate of a file. Raises FormatError where this is no hypotheses file."""
    lines = read_text(path).split("\n")
    pairs = [line.removeprefix(FACT).partition(" ") for line in lines[1 : _head_length(path, lines) - 1]]
    found = {key: value for key, _, value in pairs}
    try:
        return Facts(found.get("corpus", ""), found.get("split", ""), float(found.get("fps", 0)))
    except ValueError as error:
        raise FormatError(f"{path}: fps is no number: {found['fps']!r}", AGAIN) from error


def _head_length(path: Path, lines: list[str]) -> int:
    """Lines ahead of the first reading. Raises FormatError where they are not ours."""
    if not lines[0].startswith(MAGIC):
        raise FormatError(f"{path}, line 1: not hypotheses of sla: {lines[0][:80]!r}", AGAIN)
    version = lines[0].removeprefix(MAGIC)
    if version != str(VERSION):
        raise FormatError(f"{path}: {NAME} version {version}, this sla reads version {VERSION}", AGAIN)
    number = next((number for number, line in enumerate(lines) if not line.startswith(FACT)), len(lines))
    if lines[number : number + 1] != [COLUMNS]:
        raise FormatError(f"{path}, line {number + 1}: not the header {COLUMNS.split()}", AGAIN)
    return number + 1


def _parse(line: str, where: str) -> Hypothesis:
    fields = line.split("\t")
    if len(fields) != 6:
        raise FormatError(f"{where}: {len(fields)} fields instead of 6: {line[:80]!r}", AGAIN)
    name, rank, score, spans, confidence, glosses = fields
    try:
        reading = Hypothesis(
            name,
            _words(glosses),
            float(score),
            tuple(map(_span, _words(spans))),
            tuple(map(float, _words(confidence))),
            int(rank),
        )
        _check(reading)
    except (ValueError, SlaError) as error:
        raise FormatError(f"{where}: {error}", AGAIN) from error
    return reading


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(" ")) if cell else ()


def _span(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    if not (dash and start.isdecimal() and end.isdecimal()):
        raise ValueError(f"not a span of frames: {text!r}")
    return int(start), int(end)


def _row(reading: Hypothesis) -> str:
    _check(reading)
    cells = (
        reading.id,
        str(reading.rank),
        repr(float(reading.score)),  # the shortest text that reads back equal
        " ".join(f"{start}-{end}" for start, end in reading.spans),
        " ".join(repr(float(value)) for value in reading.confidence),
        " ".join(reading.glosses),
    )
    return "\t".join(cells) + "\n"


def _check_ranks(readings: list[Hypothesis]) -> None:
    """Raise SlaError where a clip's readings do not follow each other with ranks from 1."""
    begun: set[str] = set()
    before, due = "", 1
    for reading in readings:
        due = due + 1 if reading.id == before else 1
        if reading.rank != due or (due == 1 and reading.id in begun):
            raise SlaError(f"clip {reading.id}: rank {reading.rank} where another is due, or the clip comes twice")
        begun.add(reading.id)
        before = reading.id


def _check(reading: Hypothesis) -> None:
    """Raise SlaError for what a line cannot hold."""
    name, glosses, spans = reading.id, reading.glosses, reading.spans
    if not name or any(char in name for char in "\t\n\r"):
        raise SlaError(f"clip id {name!r} is empty or holds a tab or line break", "Rename the clip in the corpus.")
    for gloss in glosses:
        if gloss.split() != [gloss]:
            raise SlaError(
                f"clip {name}: gloss {gloss!r} is empty or holds white space",
                "Glosses are separated by spaces: mend the vocabulary of the store and run `sla prep` again.",
            )
    for text in (name, *glosses):
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise SlaError(f"clip {name!r}: {text!r} holds half a surrogate pair, which is not text")
    for what, values in (("spans", spans), ("confidence values", reading.confidence)):
        if values and len(values) != len(glosses):
            raise SlaError(f"clip {name}: {len(values)} {what} for {len(glosses)} glosses")
    if any(not 0 <= start <= end for start, end in spans):
        raise SlaError(f"clip {name}: a span starts below 0 or ends before it starts: {spans}")
    if any(not 0 <= value <= 1 for value in reading.confidence):
        raise SlaError(f"clip {name}: a confidence outside 0 to 1: {reading.confidence}")
    if math.isnan(reading.score):
        raise SlaError(f"clip {name}: its score is not a number")
