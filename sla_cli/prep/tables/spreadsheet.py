"""Tables as people make them, by hand or in a spreadsheet: TSV or CSV with a header, quoting, columns of any order.

Cells are text: nothing is turned into a number, a date or a missing value.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
from collections.abc import Iterator, Mapping, Sequence

from sla_cli.errors import FormatError, some
from sla_cli.formats.table import Row, decode_text

SEPARATORS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_spreadsheet(data: bytes, where: str, columns: Mapping[str, Sequence[str]], needed: Sequence[str]) -> list[Row]:
    """Rows, their fields named by what they are, whatever the header calls them; empty rows are left out.

    Args:
        data: of the file; UTF-8 with or without byte order mark, or UTF-16 with one.
        where: names the file in messages.
        columns: what a field is, to the names that headers have for it, in small letters.
        needed: those of `columns` without which there is no table.

    Returns:
        Rows whose fields are those of `columns` that the header has, stripped of white space around them; the line
        is the one on which a row begins.

    Raises:
        SlaError: a needed column is not there, two columns say the same, a row has more or fewer cells than the
            header, a quote is not closed, the text is none; names file and line.
    """
    text = _decode(data, where)
    first, text = _without_separator_line(text)
    header_line = text.split("\n", 1)[0]
    separator = max(SEPARATORS, key=lambda one: len(_fields(_cells(header_line, one), columns)))
    table = _parse(text, separator, where, first)
    _, header = next(table, (first, []))
    fields = _checked_fields(header, columns, needed, f"{where}, line {first}", separator)
    rows = []
    for line, cells in table:
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()
        if len(cells) != len(header):
            raise FormatError(
                f"{where}, line {line}: {len(cells)} cells where the header has {len(header)}: {some(cells)}",
                f"Cells are separated by {SEPARATORS[separator]}; one that holds such a sign has to be in quotes.",
            )
        rows.append(Row({field: cells[column] for field, column in fields.items()}, line))
    return rows


def _decode(data: bytes, where: str) -> str:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise FormatError(f"{where} is a workbook, not a text table", "Save it as CSV (UTF-8) and give that.")
    try:
        text = data.decode("utf-16") if data.startswith(UTF16) else decode_text(data, where)
    except FormatError as error:
        raise FormatError(
            error.message, "Save the table as 'CSV UTF-8' (Excel) or with character set UTF-8."
        ) from error
    except UnicodeDecodeError as error:
        raise FormatError(f"{where}: broken UTF-16 text", "Save the table as CSV with character set UTF-8.") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _without_separator_line(text: str) -> tuple[int, str]:
    """The line on which the header stands, and the text from there: Excel may put `sep=;` before it."""
    if text.lower().startswith("sep=") and "\n" in text:
        return 2, text.split("\n", 1)[1]
    return 1, text


def _parse(text: str, separator: str, where: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells; rows without content are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begin = first
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield begin, stripped
            begin = first + reader.line_num
    except csv.Error as error:
        raise FormatError(
            f"{where}, line {begin}: {error}",
            'Is a quote not closed there? A cell that holds " has to be in quotes, with each " in it written twice.',
        ) from error


def _cells(line: str, separator: str) -> list[str]:
    return [cell.strip().strip('"').strip() for cell in line.split(separator)]


def _fields(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Each field that the header has, to its names for it."""
    found = {field: [name for name in header if name.lower() in names] for field, names in columns.items()}
    return {field: names for field, names in found.items() if names}


def _checked_fields(
    header: Sequence[str], columns: Mapping[str, Sequence[str]], needed: Sequence[str], at: str, separator: str
) -> dict[str, int]:
    """Each field to the number of its column."""
    found = _fields(header, columns)
    for wanted in (columns[field] for field in needed if field not in found):
        raise FormatError(
            f"{at}: no column {' or '.join(wanted)} in the header; found {some(header, 12) or 'nothing'}",
            _advice(header, wanted, separator),
        )
    for names in found.values():
        if len(names) > 1:
            raise FormatError(f"{at}: the columns {' and '.join(names)} mean the same", "Keep one of them.")
    return {field: list(header).index(names[0]) for field, names in found.items()}


def _advice(header: Sequence[str], wanted: Sequence[str], separator: str) -> str:
    """What to do about a column that is not there."""
    if len(header) == 1 and set(header[0].lower().split()) & set(wanted):
        return "Columns are separated by tabs, commas or semicolons, not by spaces."
    for name in header:
        if near := difflib.get_close_matches(name.lower(), wanted, n=1):
            return f"Did you mean {near[0]!r} by {name!r}?"
    return f"The first line has to name the columns, here separated by {SEPARATORS[separator]}."
