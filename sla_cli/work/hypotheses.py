"""Hypotheses: the glosses that a decoder recognised, one hypothesis per line. docs/formats.md is the specification.

UTF-8, lines ended by a line feed:

    # sla-hypotheses 1
    # corpus phoenix2014
    # split dev
    # profile phoenix2014
    id<TAB>rank<TAB>score<TAB>fps<TAB>spans<TAB>confidence<TAB>glosses
    clip-1<TAB>1<TAB>-4.25<TAB>25.0<TAB>0-12 16-24<TAB>0.98 0.71<TAB>HEUTE REGEN

The hypotheses of a clip are consecutive, with ranks from 1. Spans are video frames, end exclusive. There is one span
and one confidence per gloss, or none at all. Spans, confidence and glosses are separated by one space.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sla_cli.artifact.text import is_number, is_whole, read_text
from sla_cli.artifact.version import check_version
from sla_cli.config.bounds import RATES
from sla_cli.core.counted import counted
from sla_cli.core.hypothesis import NO_GLOSS, Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.system.atomic import Check, write_text

NAME, VERSION = "sla-hypotheses", 1
MAGIC = f"# {NAME} "
FACT = "# "
COLUMNS = ("id", "rank", "score", "fps", "spans", "confidence", "glosses")
AGAIN = "Make it again with `sla decode --force`."


@dataclass(frozen=True)
class Header:
    """What all hypotheses of a file share.

    Attributes:
        corpus, split: where the clips come from, "" if unknown.
        profile: the normalisation under which the corpus is scored by default, "" if unknown.
        tuned_on: the split on which the language model's weights were tuned, if it is the split of these clips: their
            WER is then too low. "" otherwise.
        no_gain_on: the split on which tuning found no gain of the language model, so that it was left out; else "".
    """

    corpus: str = ""
    split: str = ""
    profile: str = ""
    tuned_on: str = ""
    no_gain_on: str = ""


def write_hypotheses(
    path: Path,
    hypotheses: Iterable[Hypothesis],
    header: Header | None = None,
    *,
    check: Check | None = None,
) -> None:
    """Write hypotheses, those of a clip one after the other; the file appears only when complete, and reads back equal.

    `check` is as for `atomic_write`.

    Raises:
        SlaError: an id or gloss that a line cannot hold; spans, confidence or ranks that do not fit; a score of NaN.
    """
    hypotheses, header = list(hypotheses), header or Header()
    _check_ranks(hypotheses)
    head = f"{MAGIC}{VERSION}\n" + "".join(f"{FACT}{key} {value}\n" for key, value in vars(header).items() if value)
    rows = "".join(map(_row, hypotheses))
    write_text(path, f"{head}{chr(9).join(COLUMNS)}\n{rows}", check=check)


def read_hypotheses(path: Path) -> list[Hypothesis]:
    """The best hypothesis of each clip, in the file's order.

    Raises:
        FormatError: another format or version, a malformed line, an id that occurs twice, ranks out of order.
    """
    return [ranked[0] for ranked in read_nbest(path).values()]


def read_nbest(path: Path) -> dict[str, list[Hypothesis]]:
    """All hypotheses by clip id, best first. Raises FormatError as `read_hypotheses` does."""
    return parse_nbest(read_text(path), path)[1]


def parse_nbest(text: str, path: Path) -> tuple[Header, dict[str, list[Hypothesis]]]:
    """Header and hypotheses of a text; `path` is for messages. Raises FormatError as `read_hypotheses` does."""
    lines = text.split("\n")
    facts = _head(path, lines)
    if lines.pop():
        raise FormatError(f"{path}, line {len(lines) + 1}: the file is cut in the middle of a line", AGAIN)
    clips: dict[str, list[Hypothesis]] = {}
    first_line: dict[str, int] = {}
    before = ""
    for number, line in enumerate(lines[len(facts) + 2 :], start=len(facts) + 3):
        hypothesis = _parse(line, f"{path}, line {number}")
        known = first_line.setdefault(hypothesis.id, number)
        if known != number and (before != hypothesis.id or hypothesis.rank == 1):
            raise FormatError(f"{path}, line {number}: {hypothesis.id} occurs twice, first on line {known}", AGAIN)
        ranked = clips.setdefault(hypothesis.id, [])
        if hypothesis.rank != len(ranked) + 1:
            raise FormatError(f"{path}, line {number}: rank {hypothesis.rank} instead of {len(ranked) + 1}", AGAIN)
        ranked.append(hypothesis)
        before = hypothesis.id
    return _header(facts), clips


def read_header(path: Path) -> Header:
    """The facts that all hypotheses of a file share. Raises FormatError if this is not a hypotheses file."""
    return _header(_head(path, read_text(path).split("\n")))


def _header(facts: dict[str, str]) -> Header:
    return Header(*(facts.get(key, "") for key in Header.__dataclass_fields__))


def _head(path: Path, lines: list[str]) -> dict[str, str]:
    """The facts before the columns. Raises FormatError if it is not a hypotheses file of a known version."""
    if not lines[0].startswith(MAGIC):
        raise FormatError(f"{path}, line 1: not hypotheses of sla: {lines[0][:80]!r}", AGAIN)
    number = lines[0].removeprefix(MAGIC)
    check_version(path, NAME, VERSION, number, AGAIN)
    start = next((start for start, line in enumerate(lines) if not line.startswith(FACT)), len(lines))
    if lines[start : start + 1] != ["\t".join(COLUMNS)]:
        raise FormatError(f"{path}, line {start + 1}: not the header {' '.join(COLUMNS)}", AGAIN)
    pairs = [line.removeprefix(FACT).partition(" ") for line in lines[1:start]]
    if len({key for key, _, _ in pairs}) < len(pairs):
        raise FormatError(f"{path}: a fact occurs twice in its header", AGAIN)
    return {key: value for key, _, value in pairs}


def _parse(line: str, where: str) -> Hypothesis:
    fields = line.split("\t")
    if len(fields) != len(COLUMNS):
        raise FormatError(f"{where}: {counted(len(fields), 'field')} instead of {len(COLUMNS)}: {line[:80]!r}", AGAIN)
    cells = dict(zip(COLUMNS, fields, strict=True))
    try:
        hypothesis = Hypothesis(
            cells["id"],
            _words(cells["glosses"]),
            _number(cells["score"]),
            tuple(map(_span, _words(cells["spans"]))),
            tuple(map(_number, _words(cells["confidence"]))),
            _whole(cells["rank"]),
            _number(cells["fps"]),
        )
        _check(hypothesis)
    except SlaError as error:
        raise FormatError(f"{where}: {error.message}", AGAIN) from error
    except ValueError as error:
        raise FormatError(f"{where}: {error}", AGAIN) from error
    return hypothesis


def _words(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(" ")) if cell else ()


def _span(text: str) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    if not (dash and is_whole(start) and is_whole(end)):
        raise ValueError(f"not a span of frames: {text!r}")
    return int(start), int(end)


def _whole(text: str) -> int:
    if not is_whole(text):
        raise ValueError(f"not a whole number: {text[:40]!r}")
    return int(text)


def _number(text: str) -> float:
    if not is_number(text) and text not in ("inf", "-inf", "nan"):  # which Python writes, and `_check` judges
        raise ValueError(f"not a number: {text[:40]!r}")
    return float(text)


def _row(hypothesis: Hypothesis) -> str:
    _check(hypothesis)
    cells = (
        hypothesis.id,
        str(hypothesis.rank),
        repr(float(hypothesis.score)),  # the shortest text that reads back equal
        repr(float(hypothesis.fps)),
        " ".join(f"{start}-{end}" for start, end in hypothesis.spans),
        " ".join(repr(float(value)) for value in hypothesis.confidence),
        " ".join(hypothesis.glosses),
    )
    return "\t".join(cells) + "\n"


def _check_ranks(hypotheses: list[Hypothesis]) -> None:
    """Raise SlaError if the hypotheses of a clip do not follow each other with ranks from 1."""
    ranks: Counter[str] = Counter()
    before = ""
    for one in hypotheses:
        ranks[one.id] += 1
        if one.rank != ranks[one.id] or (one.rank > 1 and one.id != before):
            raise SlaError(f"clip {one.id}: rank {one.rank} is out of order, or the clip occurs twice")
        before = one.id


def _check(hypothesis: Hypothesis) -> None:
    """Raise SlaError for values that a line cannot hold."""
    name, glosses, spans = hypothesis.id, hypothesis.glosses, hypothesis.spans
    if not name or any(char in name for char in "\t\n\r"):
        raise SlaError(f"clip id {name!r} is empty or holds a tab or line break", "Rename the clip in the corpus.")
    for gloss in glosses:
        if NO_GLOSS.search(gloss):
            raise SlaError(
                f"clip {name}: gloss {gloss!r} is empty, or holds white space or control characters",
                "Glosses are separated by spaces: fix the vocabulary of the store and run `sla prep` again.",
            )
    if not name.isascii() and any("\ud800" <= char <= "\udfff" for char in name):
        raise SlaError(f"clip {name!r} holds half a surrogate pair, which is not text")
    for what, values in (("span", spans), ("confidence value", hypothesis.confidence)):
        if values and len(values) != len(glosses):
            raise SlaError(f"clip {name}: {counted(len(values), what)} for {counted(len(glosses), 'gloss')}")
    if bad := next((f"{start}-{end}" for start, end in spans if not 0 <= start <= end), ""):
        raise SlaError(f"clip {name}: a span starts below 0 or ends before it starts: {bad}")
    if odd := [value for value in hypothesis.confidence if not 0 <= value <= 1]:
        raise SlaError(f"clip {name}: a confidence outside 0 to 1: {odd[0]}")
    if math.isnan(hypothesis.score):
        raise SlaError(f"clip {name}: its score is not a number")
    if hypothesis.fps and not RATES[0] <= hypothesis.fps <= RATES[1]:
        raise SlaError(f"clip {name}: {hypothesis.fps} frames per second")
