"""Delimited text tables as corpora publish them: no quoting, no type guessing.

`NULL`, `NA` and `nan` are glosses in several corpora, so nothing is ever turned into a missing value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import FormatError, SlaError


@dataclass(frozen=True)
class Row:
    """A row of a table: its fields by column name, and the line (from 1) it stands on."""

    fields: dict[str, str]
    line: int

    def __getitem__(self, column: str) -> str:
        return self.fields[column]


def read_text(path: Path) -> str:
    """UTF-8 text with or without BOM. Raises SlaError naming file and line where it is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SlaError(
            f"cannot read {path}: {error.strerror}", "Name a text file that is there and open to you."
        ) from error
    return decode_text(data, str(path))


def decode_text(data: bytes, name: str) -> str:
    """UTF-8 text with or without BOM, of a file whose name messages shall give. Raises FormatError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(
            f"{name}, line {line}: not UTF-8 text", "Save it as UTF-8; if it was cut off, copy it again."
        ) from error


def refuse_pipe(path: Path) -> None:
    """Raise SlaError where `path` cannot be read a second time, for files that are read to be known and then again."""
    if path.is_fifo():
        raise SlaError(f"{path} is a pipe, and can be read only once", "Save it as a file and give that.")


def read_table(path: Path, columns: Sequence[str], separator: str = "|") -> Iterator[Row]:
    """Rows of a table whose header holds at least `columns`. CRLF and a missing final newline are fine.

    Raises:
        FormatError: a column is missing from the header, or a row has another number of fields.
    """
    return parse_table(read_text(path), str(path), columns, separator)


def parse_table(text: str, name: str, columns: Sequence[str], separator: str = "|") -> Iterator[Row]:
    """As `read_table`, of the text of a file whose name messages shall give."""
    lines = text.replace("\r\n", "\n").split("\n")
    header = [column.strip() for column in lines[0].split(separator)]
    missing = [column for column in columns if column not in header]
    if missing:
        raise FormatError(
            f"{name}, line 1: no column {', '.join(missing)} in the header {lines[0][:80]!r}",
            f"Expected a table separated by {separator!r} with the columns {separator.join(columns)}.",
        )
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        fields = line.split(separator)
        if len(fields) != len(header):
            raise FormatError(
                f"{name}, line {number}: {len(fields)} fields where the header has {len(header)}: {line[:80]!r}",
                f"Fields are separated by {separator!r}. If the file was cut off, copy it again.",
            )
        yield Row(dict(zip(header, fields, strict=True)), number)
