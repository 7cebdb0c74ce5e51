"""Hypotheses and references in the formats of the field: sclite's CTM and STM, CSV, and `|` tables.

`NULL`, `NA` and the like are glosses in several corpora: no cell is ever turned into a missing value.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError
from sla_cli.formats.hypotheses import MAGIC, read_hypotheses
from sla_cli.formats.table import read_table, read_text

Glosses = tuple[str, ...]
ID_COLUMNS = ("id", "name")
GLOSS_COLUMNS = ("gloss", "glosses", "annotation", "orth")


def read_any_hypotheses(path: Path) -> list[Hypothesis]:
    """Hypotheses in any format known here, found out from suffix and content; one a clip, in the file's order.

    Scores are 0.0 and spans empty, except in our own format. A CTM cannot name a clip that has no gloss: see
    `omits_empty_clips`.

    Raises:
        FormatError: an unknown format, a malformed line, an id that comes twice; with file and line.
    """
    kind = _kind(path)
    if kind == "hypotheses":
        return read_hypotheses(path)
    return [Hypothesis(name, glosses) for name, glosses in READERS[kind](path)]


def read_references(path: Path) -> dict[str, Glosses]:
    """References by clip id, in any format that `read_any_hypotheses` reads."""
    return {hypothesis.id: hypothesis.glosses for hypothesis in read_any_hypotheses(path)}


def omits_empty_clips(path: Path) -> bool:
    """Whether the file's format has no way to say that nothing was recognised in a clip (CTM: a line a gloss)."""
    return _kind(path) == "ctm"


def _kind(path: Path) -> str:
    """The format: by the first line, else by suffix, else by the first line whose fields fit one format only."""
    header = _header(path)
    if header.startswith(MAGIC):
        return "hypotheses"
    for separator, kind in (("|", "table"), (",", "csv")):
        if _columns(header.split(separator)):
            return kind
    lines = [line for _, line in _lines(path)]
    if not lines:
        raise FormatError(f"{path}: holds no hypotheses or references", "Was the run that wrote it cut short?")
    suffix = path.suffix.lower()[1:]
    if suffix in READERS:
        return suffix
    shapes = [[kind for kind, fits in SHAPES.items() if fits(line.split())] for line in lines]
    if not shapes[0]:
        raise FormatError(
            f"{path}, line 1: no format that sla knows: {header[:80]!r}",
            "Known are sla's own hypotheses, CTM, STM, CSV with the header id,gloss, and tables with id|gloss.",
        )
    return next((kinds[0] for kinds in shapes if len(kinds) == 1), shapes[0][0])


def _columns(header: list[str]) -> tuple[str, str] | None:
    """The names of the columns of ids and of glosses, or None where the header lacks either."""
    names = [name.strip() for name in header]
    ids = [name for name in names if name in ID_COLUMNS]
    glosses = [name for name in names if name in GLOSS_COLUMNS]
    return (ids[0], glosses[0]) if ids and glosses else None


def _read_table(path: Path) -> Iterator[tuple[str, Glosses]]:
    columns = _columns(_header(path).split("|"))
    assert columns, "the table was recognised by them"
    seen: dict[str, int] = {}
    for row in read_table(path, columns):
        yield _once(row[columns[0]], row.line, seen, path), tuple(row[columns[1]].split())


def _read_csv(path: Path) -> Iterator[tuple[str, Glosses]]:
    """Quoted where needed; an empty cell is a clip without glosses, a missing cell an error."""
    seen: dict[str, int] = {}
    rows = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = [name.strip() for name in next(rows)]
        columns = _columns(header)
        if not columns:
            raise FormatError(f"{path}, line 1: no columns id and gloss in the header {header}")
        id_column, gloss_column = map(header.index, columns)
        for row in rows:
            if len(row) == len(header):
                yield _once(row[id_column], rows.line_num, seen, path), tuple(row[gloss_column].split())
            elif row:
                raise FormatError(
                    f"{path}, line {rows.line_num}: {len(row)} cells where the header has {len(header)}",
                    "A clip in which nothing was recognised has an empty cell: `id,`.",
                )
    except csv.Error as error:
        raise FormatError(f"{path}, line {rows.line_num}: {error}") from error


def _read_ctm(path: Path) -> Iterator[tuple[str, Glosses]]:
    """`id channel start duration gloss [confidence]`: in order of time as a number, sclite sorts it as text."""
    clips: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for number, line in _lines(path):
        fields = line.split()
        if not _fits_ctm(fields):
            raise FormatError(
                f"{path}, line {number}: not a line of a CTM: {line[:80]!r}",
                "Expected: id channel start duration gloss [confidence], times in seconds.",
            )
        clips[fields[0]].append((float(fields[2]), fields[4]))
    for name, timed in clips.items():
        yield name, tuple(gloss for _, gloss in sorted(timed, key=lambda entry: entry[0]))


def _read_stm(path: Path) -> Iterator[tuple[str, Glosses]]:
    """`id channel speaker start end [<label>] glosses...`, one line a clip."""
    seen: dict[str, int] = {}
    for number, line in _lines(path):
        fields = line.split()
        if not _fits_stm(fields):
            raise FormatError(
                f"{path}, line {number}: not a line of an STM: {line[:80]!r}",
                "Expected: id channel speaker start end glosses..., times in seconds.",
            )
        glosses = fields[5:]
        labelled = bool(glosses) and glosses[0].startswith("<") and glosses[0].endswith(">")
        yield _once(fields[0], number, seen, path), tuple(glosses[1:] if labelled else glosses)


def _fits_ctm(fields: list[str]) -> bool:
    return len(fields) in (5, 6) and all(map(_is_time, fields[2:4]))


def _fits_stm(fields: list[str]) -> bool:
    return len(fields) >= 5 and all(map(_is_time, fields[3:5]))


SHAPES = {"ctm": _fits_ctm, "stm": _fits_stm}
READERS: dict[str, Callable[[Path], Iterator[tuple[str, Glosses]]]] = {
    "table": _read_table,
    "csv": _read_csv,
    "ctm": _read_ctm,
    "stm": _read_stm,
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
