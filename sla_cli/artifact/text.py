"""Text files: UTF-8 with or without byte order mark, and UTF-16 with one. Errors name file and line."""

from __future__ import annotations

import codecs
import errno
import math
import re
from pathlib import Path

from sla_cli.errors import LASTING, FormatError, SlaError, cannot_read, shown
from sla_cli.system.regular_file import read_regular

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# With the white space that float() takes too: str.strip() would also take control characters that it refuses.
NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)
AS_UTF8 = "Save it as UTF-8 (in Excel as 'CSV UTF-8'); if it was cut off, copy it again."
UNMARKED = re.compile(r"\0.\0|.\0.\0", re.DOTALL)  # how UTF-16 and UTF-32 begin if they are read as UTF-8
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # first bytes of .xlsx and .ods, and of .xls files
HDF5 = b"\x89HDF\r\n\x1a\n"


def read_text(path: Path) -> str:
    """The text of a file, which a person may have written: see `decode_any_text`. Raises SlaError naming the file."""
    return decode_any_text(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises SlaError if it cannot be read, ReadError if another attempt may succeed."""
    try:
        return read_regular(path)
    except OSError as error:
        if error.errno not in LASTING:
            raise cannot_read(path, error) from error
        hint = "Name another text file, or put one there."
        if error.errno == errno.EFBIG:
            hint = "No text that sla reads is so large: name another file, or divide this one."
        raise SlaError(f"cannot read {path}: {error.strerror}", hint) from error


def decode_text(data: bytes, name: str) -> str:
    """UTF-8 text with or without byte order mark; `name` is the file's name in messages. Raises FormatError."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"{name}, line {line}: not UTF-8 text", AS_UTF8) from error


def decode_any_text(data: bytes, name: str) -> str:
    """Like `decode_text`, but also UTF-16 with a byte order mark, and with lines that end in a line feed, whichever
    program saved it. Raises FormatError, also for a workbook, and for UTF-16 and UTF-32 that do not say so."""
    if data.startswith(WORKBOOKS):
        raise FormatError(
            f"{name} is a workbook or an archive, not a text table", "Save it as CSV (UTF-8) and give that."
        )
    try:
        text = data.decode("utf-16") if data.startswith(UTF16) else decode_text(data, name)
    except UnicodeDecodeError as error:
        raise FormatError(f"{name}: broken UTF-16 text", AS_UTF8) from error
    if UNMARKED.match(text):  # a list of names would be read as names of nobody
        odd = "zero bytes at its beginning: it is damaged, or UTF-16 or UTF-32 that does not say so"
        raise FormatError(f"{name} has {odd}", AS_UTF8)
    return one_line_end(text)


def beginning(data: bytes) -> str:
    """The text of the first bytes of a file, for `decode_any_text`; they may end within a character, or be no text."""
    return data.decode("utf-16" if data.startswith(UTF16) else "utf-8-sig", errors="replace")


def one_line_end(text: str) -> str:
    """A text whose lines end in a line feed, also those of Windows and of old Macs."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def refuse_pipe(path: Path) -> None:
    """Raise SlaError if `path` cannot be read a second time, for files that are read twice or by a later stage."""
    if path.is_fifo():
        raise SlaError(f"{path} is a pipe, which can be read only once", "Save it as a file and give that.")


def is_number(text: str) -> bool:
    """Whether a cell is a finite number, in digits from 0 to 9; Python would also read `1_0`, and other digits."""
    return NUMBER.fullmatch(text) is not None and math.isfinite(float(text))


def is_whole(text: str) -> bool:
    """Whether a cell is a number of digits from 0 to 9 only that fits in 64 bits; int() refuses thousands of digits."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def seconds(cell: str, what: str, at: str) -> float | None:
    """Seconds from `12.5`, `12,5` or `1:02:03.5`; None for an empty cell."""
    if not cell:
        return None
    texts = cell.replace(",", ".").split(":")
    parts = [float(text) for text in texts if is_number(text)]
    total = sum(part * 60**power for power, part in enumerate(reversed(parts[-3:])))
    if not 1 <= len(parts) == len(texts) <= 3 or not all(part >= 0 for part in parts) or not math.isfinite(total):
        raise SlaError(f"{at}: {what} {shown(cell)} is not a time", "Write seconds (12.5), or hours:minutes:seconds.")
    return total
