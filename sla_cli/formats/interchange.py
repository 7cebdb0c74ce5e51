"""Reading hypotheses and references in the formats of the field: sclite's CTM, STM and TRN, CSV, tables, JSON lines.

`NULL`, `NA` and the like are glosses in several corpora: no cell is ever turned into a missing value.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.hypotheses import MAGIC, read_nbest
from sla_cli.formats.table import read_table, read_text, refuse_pipe

Glosses = tuple[str, ...]
ID_COLUMNS = ("id", "name")
GLOSS_COLUMNS = ("gloss", "glosses", "annotation", "orth")
SIGNER_COLUMNS = ("signer", "speaker")
KNOWN = "Known are sla's own, CTM, STM, TRN, JSON lines, id<TAB>glosses, CSV and tables with the header id,gloss."
TRN = re.compile(r"(.*)\(([^()\s]+)\)\s*")


class Entry(NamedTuple):
    """One clip of a file; signer "" where the format or the file does not name it."""

    id: str
    glosses: Glosses
    signer: str = ""


def read_any_hypotheses(path: Path) -> list[Hypothesis]:
    """Hypotheses in any format known here, found out from suffix and content; the best of each clip, in file order.

    Scores are 0.0 and spans empty, except in our own format. A CTM cannot name a clip that has no gloss: see
    `omits_empty_clips`.

    Raises:
        FormatError: an unknown format, a malformed line, an id that comes twice; with file and line.
    """
    return [ranked[0] for ranked in read_any_nbest(path).values()]


def read_any_nbest(path: Path) -> dict[str, list[Hypothesis]]:
    """All hypotheses of each clip, best first; more than one only in our own format and JSON lines. Raises as above."""
    kind = _kind(path)
    if kind == "hypotheses":
        return read_nbest(path)
    if kind == "jsonl":
        return _read_jsonl(path)
    return {entry.id: [Hypothesis(entry.id, entry.glosses)] for entry in READERS[kind](path)}


def read_references(path: Path) -> dict[str, Glosses]:
    """References by clip id, in any format that `read_any_hypotheses` reads."""
    return {hypothesis.id: hypothesis.glosses for hypothesis in read_any_hypotheses(path)}


def read_signers(path: Path) -> dict[str, str]:
    """Signers by clip id, from an STM's third column or a table's `signer` or `speaker`; empty in other formats."""
    kind = _kind(path)
    entries = READERS[kind](path) if kind in READERS else ()
    return {entry.id: entry.signer for entry in entries if entry.signer}


def omits_empty_clips(path: Path) -> bool:
    """Whether the file's format has no way to say that nothing was recognised in a clip (CTM: a line a gloss)."""
    return _kind(path) == "ctm"


def _kind(path: Path) -> str:
    """The format: by the first line, else by suffix, else by the first line whose fields fit one format only."""
    refuse_pipe(path)
    if path.is_dir() or not path.exists():
        raise SlaError(f"cannot read {path}: {'it is a folder' if path.is_dir() else 'no such file'}", KNOWN)
    header = _header(path)
    if header.startswith(MAGIC):
        return "hypotheses"
    for separator, kind in (("|", "table"), ("\t", "tsv"), (",", "csv")):
        if _columns(header.split(separator)):
            return kind
    lines = [line for _, line in _lines(path)]
    if not lines:
        raise FormatError(f"{path}: holds no hypotheses or references", "Was the run that wrote it cut short?")
    suffix = path.suffix.lower()[1:]
    if suffix in SHAPES or suffix == "csv":
        return suffix
    if suffix == "jsonl" or lines[0].startswith("{"):
        return "jsonl"
    shapes = [[kind for kind, fits in SHAPES.items() if fits(line)] for line in lines]
    if not shapes[0]:
        raise FormatError(
            f"{path}, line 1: no format that sla knows: {header[:80]!r}",
            KNOWN,
        )
    return next((kinds[0] for kinds in shapes if len(kinds) == 1), shapes[0][0])


def _columns(header: list[str]) -> tuple[str, str] | None:
    """The names of the columns of ids and of glosses, or None where the header lacks either."""
    names = [name.strip() for name in header]
    ids = [name for name in names if name in ID_COLUMNS]
    glosses = [name for name in names if name in GLOSS_COLUMNS]
    return (ids[0], glosses[0]) if ids and glosses else None


def _signer_column(header: list[str]) -> str:
    return next((name for name in header if name in SIGNER_COLUMNS), "")


def _read_table(path: Path, separator: str) -> Iterator[Entry]:
    header = [name.strip() for name in _header(path).split(separator)]
    columns = _columns(header)
    assert columns, "the table was recognised by them"
    signer = _signer_column(header)
    seen: dict[str, int] = {}
    for row in read_table(path, columns, separator):
        name = _once(row[columns[0]], row.line, seen, path)
        yield Entry(name, tuple(row[columns[1]].split()), row[signer].strip() if signer else "")


def _read_csv(path: Path) -> Iterator[Entry]:
    """Quoted where needed; an empty cell is a clip without glosses, a missing cell an error."""
    seen: dict[str, int] = {}
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows)]
        columns = _columns(header)
        if not columns:
            raise FormatError(
                f"{path}, line 1: no columns id and gloss in the header {header}", "The first line names them."
            )
        id_column, gloss_column = map(header.index, columns)
        signer = _signer_column(header)
        for row in rows:
            if len(row) == len(header):
                name = _once(row[id_column], rows.line_num, seen, path)
                yield Entry(name, tuple(row[gloss_column].split()), row[header.index(signer)].strip() if signer else "")
            elif row:
                raise FormatError(
                    f"{path}, line {rows.line_num}: {len(row)} cells where the header has {len(header)}",
                    "A clip in which nothing was recognised has an empty cell: `id,`.",
                )
    except csv.Error as error:
        raise FormatError(f"{path}, line {rows.line_num}: {error}") from error


def _read_ctm(path: Path) -> Iterator[Entry]:
    """`id channel start duration gloss [confidence]`: in order of time as a number, sclite sorts it as text."""
    clips: dict[str, list[tuple[float, str]]] = defaultdict(list)
    channels: dict[str, str] = {}
    for number, line in _lines(path):
        fields = line.split()
        if not _fits_ctm(line):
            raise FormatError(
                f"{path}, line {number}: not a line of a CTM: {line[:80]!r}",
                "Expected: id channel start duration gloss [confidence], times in seconds.",
            )
        if channels.setdefault(fields[0], fields[1]) != fields[1]:
            raise FormatError(
                f"{path}, line {number}: {fields[0]} is on channel {fields[1]}, before it was on {channels[fields[0]]}",
                "A clip has one channel: give each its own id.",
            )
        clips[fields[0]].append((float(fields[2]), fields[4]))
    for name, timed in clips.items():
        yield Entry(name, tuple(gloss for _, gloss in sorted(timed, key=lambda entry: entry[0])))


def _read_stm(path: Path) -> Iterator[Entry]:
    """`id channel speaker start end [<label>] glosses...`, one line a clip."""
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        fields = line.split()
        if not _fits_stm(line):
            raise FormatError(
                f"{path}, line {number}: not a line of an STM: {line[:80]!r}",
                "Expected: id channel speaker start end glosses..., times in seconds.",
            )
        glosses = fields[5:]
        labelled = bool(glosses) and glosses[0].startswith("<") and glosses[0].endswith(">")
        yield Entry(_once(fields[0], number, seen, path), tuple(glosses[1:] if labelled else glosses), fields[2])


def _read_trn(path: Path) -> Iterator[Entry]:
    """`glosses... (id)`, one line a clip."""
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        found = TRN.fullmatch(line)
        if not found:
            raise FormatError(
                f"{path}, line {number}: not a line of a TRN: {line[:80]!r}", "Expected: glosses... (id)."
            )
        yield Entry(_once(found[2], number, seen, path), tuple(found[1].split()))


def _read_plain(path: Path) -> Iterator[Entry]:
    """`id<TAB>glosses...`, one line a clip, the tab also where there is no gloss."""
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        if not _fits_plain(line):
            raise FormatError(
                f"{path}, line {number}: {line.count(chr(9))} tabs instead of 1: {line[:80]!r}",
                "Expected: id<TAB>glosses..., the glosses separated by spaces.",
            )
        name, glosses = line.split("\t")
        yield Entry(_once(name, number, seen, path), tuple(glosses.split()))


def _read_jsonl(path: Path) -> dict[str, list[Hypothesis]]:
    """An object a line with `id` and `glosses`, and alternatives under `nbest`, best first: as `sla decode` writes it.

    Spans and confidence are not read.
    """
    seen: dict[str, int] = {}
    clips = {}
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        try:
            facts = json.loads(line)
        except json.JSONDecodeError as error:
            raise FormatError(f"{where}: not JSON ({error.msg}): {line[:80]!r}") from error
        if not isinstance(facts, dict) or not isinstance(facts.get("id"), str):
            raise FormatError(f"{where}: not an object with a text as id: {line[:80]!r}")
        name = _once(facts["id"], number, seen, path)
        readings = facts.get("nbest") or [facts]
        if not isinstance(readings, list):
            raise FormatError(f"{where}: nbest is not a list: {line[:80]!r}")
        clips[name] = [_reading(name, reading, rank, where) for rank, reading in enumerate(readings, start=1)]
    return clips


def _reading(name: str, facts: object, rank: int, where: str) -> Hypothesis:
    glosses, score = (facts.get("glosses"), facts.get("score", 0.0)) if isinstance(facts, dict) else (None, 0.0)
    if not isinstance(glosses, list) or not all(map(_is_gloss, glosses)):
        raise FormatError(f"{where}: glosses are not a list of words without white space")
    if isinstance(score, bool) or not isinstance(score, int | float) or math.isnan(score):
        raise FormatError(f"{where}: the score {score!r} is not a number")
    return Hypothesis(name, tuple(glosses), float(score), rank=rank)


def _is_gloss(value: object) -> bool:
    return isinstance(value, str) and value.split() == [value]


def _fits_ctm(line: str) -> bool:
    fields = line.split()
    return len(fields) in (5, 6) and all(map(_is_time, fields[2:4]))


def _fits_stm(line: str) -> bool:
    fields = line.split()
    return len(fields) >= 5 and all(map(_is_time, fields[3:5]))


def _fits_trn(line: str) -> bool:
    return TRN.fullmatch(line) is not None


def _fits_plain(line: str) -> bool:
    return line.count("\t") == 1


SHAPES = {"ctm": _fits_ctm, "stm": _fits_stm, "trn": _fits_trn, "plain": _fits_plain}
READERS: dict[str, Callable[[Path], Iterator[Entry]]] = {
    "table": partial(_read_table, separator="|"),
    "tsv": partial(_read_table, separator="\t"),
    "csv": _read_csv,
    "ctm": _read_ctm,
    "stm": _read_stm,
    "trn": _read_trn,
    "plain": _read_plain,
}


def _header(path: Path) -> str:
    return read_text(path).split("\n", 1)[0].rstrip("\r")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without comments (`;;`) and empty lines."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not _is_comment(line):
            yield number, line


def _is_comment(line: str) -> bool:
    return not line.strip() or line.startswith(";;")


def _is_time(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _once(name: str, line: int, seen: dict[str, int], path: Path) -> str:
    """The id without white space around it, where it has not come before and fits into a line of a table."""
    name = name.strip()
    if not name or any(char in name for char in "\t\r\n"):
        raise FormatError(f"{path}, line {line}: clip id {name!r} is empty or holds a tab or line break")
    before = seen.setdefault(name, line)
    if before != line:
        raise FormatError(f"{path}, line {line}: {name} came before, on line {before}", "Keep one line a clip.")
    return name
