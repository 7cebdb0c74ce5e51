"""Hypotheses: the glosses a decoder recognised, a clip a line.

UTF-8, lines ended by a line feed:

    # sla-hypotheses 1
    id<TAB>score<TAB>spans<TAB>glosses
    clip-1<TAB>-4.25<TAB>0-12 16-24<TAB>HEUTE REGEN

Spans are video frames, end exclusive, one a gloss, or none at all. Spans and glosses are separated by one space.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.table import read_text

NAME, VERSION = "sla-hypotheses", 1
MAGIC = f"# {NAME} "
COLUMNS = "id\tscore\tspans\tglosses"
AGAIN = "Make it again with `sla decode`."


def write_hypotheses(path: Path, hypotheses: Iterable[Hypothesis]) -> None:
    """Write hypotheses; the file appears only when whole. What is written reads back equal, scores to the last bit.

    Raises:
        SlaError: an id or gloss that a line cannot hold, spans that do not match the glosses, a score that is NaN.
    """
    rows = "".join(_row(hypothesis) for hypothesis in hypotheses)
    with atomic_write(path) as temporary:
        temporary.write_text(f"{MAGIC}{VERSION}\n{COLUMNS}\n{rows}", encoding="utf-8", newline="\n")


def read_hypotheses(path: Path) -> list[Hypothesis]:
    """The hypotheses of a file, in its order.

    Raises:
        FormatError: another format or version, a malformed line, an id that comes twice.
    """
    lines = read_text(path).split("\n")
    _check_head(path, lines)
    if lines.pop():
        raise FormatError(f"{path}, line {len(lines) + 1}: the file is cut in the middle of a line", AGAIN)
    first_line: dict[str, int] = {}
    hypotheses = []
    for number, line in enumerate(lines[2:], start=3):
        hypothesis = _parse(line, f"{path}, line {number}")
        before = first_line.setdefault(hypothesis.id, number)
        if before != number:
            raise FormatError(f"{path}, line {number}: {hypothesis.id} came before, on line {before}", AGAIN)
        hypotheses.append(hypothesis)
    return hypotheses


def _check_head(path: Path, lines: list[str]) -> None:
    if not lines[0].startswith(MAGIC):
        raise FormatError(f"{path}, line 1: not hypotheses of sla: {lines[0][:80]!r}", AGAIN)
    version = lines[0].removeprefix(MAGIC)
    if version != str(VERSION):
        raise FormatError(f"{path}: {NAME} version {version}, this sla reads version {VERSION}", AGAIN)
    if lines[1:2] != [COLUMNS]:
        raise FormatError(f"{path}, line 2: not the header {COLUMNS.split()}", AGAIN)


def _parse(line: str, where: str) -> Hypothesis:
    fields = line.split("\t")
    if len(fields) != 4:
        raise FormatError(f"{where}: {len(fields)} fields instead of 4: {line[:80]!r}", AGAIN)
    name, score, spans, glosses = fields
    try:
        hypothesis = Hypothesis(name, _words(glosses), float(score), tuple(map(_span, _words(spans))))
        _check(hypothesis)
    except (ValueError, SlaError) as error:
        raise FormatError(f"{where}: {error}", AGAIN) from error
    return hypothesis


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(" ")) if cell else ()


def _span(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    if not (dash and start.isdecimal() and end.isdecimal()):
        raise ValueError(f"not a span of frames: {text!r}")
    return int(start), int(end)


def _row(hypothesis: Hypothesis) -> str:
    _check(hypothesis)
    spans = " ".join(f"{start}-{end}" for start, end in hypothesis.spans)
    score = repr(float(hypothesis.score))  # the shortest text that reads back equal
    return f"{hypothesis.id}\t{score}\t{spans}\t{' '.join(hypothesis.glosses)}\n"


def _check(hypothesis: Hypothesis) -> None:
    """Raise SlaError for what a line cannot hold."""
    name, glosses, spans = hypothesis.id, hypothesis.glosses, hypothesis.spans
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
    if spans and len(spans) != len(glosses):
        raise SlaError(f"clip {name}: {len(spans)} spans for {len(glosses)} glosses")
    if any(not 0 <= start <= end for start, end in spans):
        raise SlaError(f"clip {name}: a span starts below 0 or ends before it starts: {spans}")
    if math.isnan(hypothesis.score):
        raise SlaError(f"clip {name}: its score is not a number")
