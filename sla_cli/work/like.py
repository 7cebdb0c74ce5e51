"""Kinds of files that are not artifacts: which existing files a command may replace by a new one, by their content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import cannot_read


@dataclass(frozen=True)
class Like:
    """A kind of file that is not an artifact: a table, a page, a picture, a foreign format.

    Attributes:
        name: what it is called in messages.
        fits: whether an existing file is one; raises SlaError for one that must not be replaced.
        endings: of the names of such files, the usual one first; () where another program gives the names.
    """

    name: str
    fits: Callable[[Path], bool]
    endings: tuple[str, ...]


def table_like(columns: Sequence[str]) -> Like:
    """Tab-separated tables with this header."""
    head = ("\t".join(columns) + "\n").encode()
    return Like("a table of this command", lambda path: begins(path, len(head)) == head, (".tsv", ".txt"))


def begins(path: Path, length: int) -> bytes:
    """The first bytes of a file, at most so many. Raises SlaError if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError as error:
        raise cannot_read(path, error) from error
