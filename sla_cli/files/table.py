"""Tables that people made: tabs, commas, semicolons or bars, columns in any order and with any of their names.

Cells are text: `NULL`, `NA` and `nan` are glosses in several corpora, so they are not read as missing values.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sla_cli.errors import SlaError, some

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
SEPARATORS = "\t,;|"
UNQUOTED = "\t|"  # corpora use them without quoting: a gloss may be a quotation mark


@dataclass(frozen=True)
class Row:
    """A row: its cells by column, and the line (from 1) on which it ends."""

    fields: dict[str, str]
    line: int

    def __getitem__(self, column: str) -> str:
        return self.fields[column]


def parse_table(text: str, name: str, needed: Sequence[str], optional: Sequence[str] = ()) -> Iterator[Row]:
    """Rows of a table; empty ones are left out.

    Args:
        name: name of the file for messages.
        needed, optional: keys of COLUMNS; columns that are in neither are ignored.
    """
    lines = text.split("\n")
    start = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("sep=")), 0)
    wanted = (*needed, *optional)
    separator = max(SEPARATORS, key=lambda one: len(_places(lines[start].split(one), wanted)))
    quote = None if separator in UNQUOTED else '"'
    reader = csv.reader(lines[start:], delimiter=separator, quotechar=quote, strict=True)
    header = next(reader, [])
    places = _places(header, wanted)
    if missing := [" or ".join(COLUMNS[field]) for field in needed if field not in places]:
        raise SlaError(f"{name}, line {start + 1}: no column {missing[0]}", f"It has {some(header, 12)}.")
    try:
        for cells in reader:
            line = start + reader.line_num
            if len(cells) < len(header) and any(cells):
                raise SlaError(f"{name}, line {line}: {len(cells)} cells, but the header has {len(header)}")
            if any(map(str.strip, cells)):
                yield Row({field: cells[place].strip() for field, place in places.items()}, line)
    except csv.Error as error:
        raise SlaError(f"{name}, line {start + reader.line_num}: {error}", "Is a quote not closed there?") from error


def has_columns(text: str, needed: Sequence[str]) -> bool:
    """Whether a text begins with a header that has columns for these keys of COLUMNS."""
    first = text.lstrip().split("\n", 1)[0]
    return any(len(_places(first.split(one), needed)) == len(needed) for one in SEPARATORS)


def _places(header: Sequence[str], wanted: Sequence[str]) -> dict[str, int]:
    """Of each wanted key of COLUMNS, the number of its column."""
    names = [cell.strip().strip('"').lower() for cell in header]
    found = {field: next((names.index(name) for name in COLUMNS[field] if name in names), -1) for field in wanted}
    return {field: place for field, place in found.items() if place >= 0}
