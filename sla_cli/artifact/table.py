"""Delimited tables: of corpora, from spreadsheets, and sla's own.

Cells are text: `NULL`, `NA` and `nan` are glosses in several corpora, so they are not read as missing values.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.artifact.text import one_line_end, read_text
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, some
from sla_cli.log import log
from sla_cli.system.atomic import Check, write_text

# Content of a column, and its names in the headers of the field's corpora, in lower case.
COLUMNS = {
    "path": ("video", "frames", "path", "file", "filename", "folder"),
    "id": ("id", "name"),
    "gloss": ("gloss", "glosses", "annotation", "orth"),
    "split": ("split",),
    "signer": ("signer", "speaker", "person"),
    "start": ("start",),
    "end": ("end",),
    "fps": ("fps", "rate", "frame_rate"),
    "translation": ("translation", "text"),
    "eaf": ("eaf", "elan", "file", "filename", "path"),
}
SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
LONG_CELL = f"a cell has more than {csv.field_size_limit():,} characters"
BEFORE_HEADER = re.compile(r"(?:[ \t]*\n)*(?:sep=.*\n)?(?:[ \t]*\n)*", re.IGNORECASE)
UNQUOTED = "\t|"  # separators that corpora use without quoting: a gloss may be a quotation mark


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells by column, and the line (from 1) on which it begins."""

    fields: dict[str, str]
    line: int

    def __getitem__(self, column: str) -> str:
        return self.fields[column]


def read_table(path: Path, columns: Sequence[str], separator: str = "|") -> Iterator[Row]:
    """Rows of a table whose layout is known: see `parse_table`."""
    return parse_table(read_text(path), str(path), columns, separator)


def write_tsv(
    path: Path,
    columns: Iterable[str],
    rows: Iterable[Iterable[object]],
    *,
    check: Check | None = None,
    keep: bool = False,
) -> None:
    """Write a tab-separated table without quoting; the file appears only when it is complete.

    Args:
        check, keep: as for `atomic_write`.
    """
    write_text(path, to_tsv(columns, rows), check=check, keep=keep)


def to_tsv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A tab-separated table without quoting."""
    return "".join("\t".join(map(str, row)) + "\n" for row in (columns, *rows))


def parse_table(text: str, name: str, columns: Sequence[str], separator: str = "|") -> Iterator[Row]:
    """Rows of a table whose layout is known: one separator, no quoting, cells unchanged.

    Args:
        text: lines that end in a line feed.
        name: name of the file for messages.
        columns: names that the header must contain; rows have all columns of the header.

    Raises:
        FormatError: a column is missing from the header, or is there twice, or a row has another number of fields.
    """
    rows = _rows(text, separator, name)
    line, header = next(rows, (1, [""]))
    names = [column.strip() for column in header]
    if twice := sorted(column for column in columns if names.count(column) > 1):
        raise FormatError(f"{name}, line {line}: several columns are named {some(twice)}", "Keep one of them.")
    if missing := [column for column in columns if column not in names]:
        raise FormatError(
            f"{name}, line {line}: no column {', '.join(missing)} in the header {separator.join(header)[:80]!r}",
            f"Expected a table separated by {SEPARATORS[separator]} with the columns {separator.join(columns)}.",
        )
    for line, cells in rows:
        if len(cells) != len(header):
            raise _wrong_width(cells, header, separator, f"{name}, line {line}")
        yield Row(dict(zip(names, cells, strict=True)), line)


def parse_any_table(text: str, name: str, needed: Sequence[str], optional: Iterable[str] = ()) -> Iterator[Row]:
    """Rows of a table that a person made: any of SEPARATORS, columns in any order and with any of their names.

    Cells may be in quotes, and then contain separators and line breaks. With tabs or bars, quotes that do not fit that
    are part of their cells, with a warning.

    Args:
        name: name of the file for messages.
        needed, optional: keys of COLUMNS: the needed ones must exist; columns that are in neither are ignored.

    Returns:
        Rows whose fields are those keys of COLUMNS that the header has, without white space around the values. Empty
        rows are left out.

    Raises:
        FormatError: a needed column is missing, two columns mean the same, a row has another number of cells than
            the header, a quote is not closed; names file and line.
    """
    first, text = from_header(text)
    wanted = tuple(dict.fromkeys((*needed, *optional)))
    separator = _separator(text, wanted)
    rows, quoted = _rows_and_quoting(text, separator, name, first)
    header = [cell.strip() for cell in next(rows, (first, []))[1]]
    columns = _columns(header, wanted)
    _check_columns(header, columns, needed, f"{name}, line {first}", separator)
    places = [(field, header.index(names[0])) for field, names in columns.items()]
    for line, cells in rows:
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(header):
            raise _wrong_width(cells, header, separator, f"{name}, line {line}", quoted=quoted)
        yield Row({field: cells[place].strip() for field, place in places}, line)


def has_columns(text: str, needed: Sequence[str]) -> bool:
    """Whether a text begins with a header that has columns for these keys of COLUMNS."""
    _, text = from_header(text)
    return len(_columns(_header(text, _separator(text, needed)), needed)) == len(needed)


def from_header(text: str) -> tuple[int, str]:
    """The line of the header, and the text from there: empty lines may be before it, and Excel's `sep=;`."""
    text = one_line_end(text)
    before = BEFORE_HEADER.match(text)
    assert before is not None  # it may be empty
    return 1 + before[0].count("\n"), text[before.end() :]


def _separator(text: str, wanted: Sequence[str]) -> str:
    """The separator with which the header has the most of the wanted columns."""
    return max(SEPARATORS, key=lambda separator: len(_columns(_header(text, separator), wanted)))


def _header(text: str, separator: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in text.split("\n", 1)[0].split(separator)]


def _columns(header: Sequence[str], wanted: Iterable[str]) -> dict[str, list[str]]:
    """Each wanted key of COLUMNS that the header has, with the header's names for it."""
    found = {field: [name for name in header if name.lower() in COLUMNS[field]] for field in wanted}
    return {field: names for field, names in found.items() if names}


def _rows_and_quoting(text: str, separator: str, name: str, first: int) -> tuple[Iterator[tuple[int, list[str]]], bool]:
    """As `_rows` of a table that a person made, and whether its quotes are around cells."""
    if separator not in UNQUOTED:
        return _rows(text, separator, name, first, quoted=True), True
    for line, cells in _rows(text, separator, name, first):
        if max(map(len, cells)) > csv.field_size_limit():  # would be taken for a quote that is not closed
            raise FormatError(f"{name}, line {line}: {LONG_CELL}", "Does it belong to the table?")
    try:
        rows = list(_rows(text, separator, name, first, quoted=True))
        # From one quotation mark to another on a later line, it would be one cell.
        fits = not any(separator in cell and "\n" in cell for _, cells in rows for cell in cells)
    except FormatError:
        fits = False
    if fits:
        return iter(rows), True
    log.warning('%s: not all cells with a " are quoted as in CSV, so each " is read as a part of its cell', name)
    return _rows(text, separator, name, first), False


def _rows(
    text: str, separator: str, name: str, first: int = 1, *, quoted: bool = False
) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells; in quoted tables, rows of empty cells are left out too."""
    if not quoted:
        for number, line in enumerate(text.split("\n"), start=first):
            if line.strip():
                yield number, line.split(separator)
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begin = first
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield begin, cells
            begin = first + reader.line_num
    except csv.Error as error:
        long = "field limit" in str(error)  # the only error of csv that is about its own bound
        what = LONG_CELL if long else error
        raise FormatError(
            f"{name}, line {begin}: {what}",
            'Is a quote not closed there? A cell that contains " must be in quotes, with each " in it written twice.',
        ) from error


def _wrong_width(
    cells: Sequence[str], header: Sequence[str], separator: str, at: str, *, quoted: bool = False
) -> FormatError:
    """The error of a row that has more or fewer cells than the header."""
    number = counted(len(cells), "cell" if quoted else "field")
    hint = "Quote each cell that contains this separator." if quoted else "If the file was cut off, copy it again."
    return FormatError(
        f"{at}: {number}, but the header has {len(header)}: {separator.join(cells)[:80]!r}",
        f"They are separated by {SEPARATORS[separator]}. {hint}",
    )


def _check_columns(
    header: Sequence[str], columns: dict[str, list[str]], needed: Sequence[str], at: str, separator: str
) -> None:
    for names in (COLUMNS[field] for field in needed if field not in columns):
        raise FormatError(
            f"{at}: no column {' or '.join(names)} in the header; found {some(header, 12) or 'nothing'}",
            _advice(header, names, separator),
        )
    for same in columns.values():
        if len(same) > 1:
            listed = " and ".join(same) if len(same) < 4 else some(same)
            raise FormatError(f"{at}: the columns {listed} mean the same", "Keep one of them.")


def _advice(header: Sequence[str], names: Sequence[str], separator: str) -> str:
    """What to do about a column that is missing."""
    if len(header) == 1 and set(header[0].lower().split()) & set(names):
        return "Columns are separated by tabs, commas or semicolons, not by spaces."
    for name in header:
        if near := difflib.get_close_matches(name.lower(), names, n=1):
            return f"Rename the column {name!r} to {near[0]!r}?"
    return f"The first line must name the columns, here separated by {SEPARATORS[separator]}."
