"""Pieces of a file, spread over it, that tell whether it is the one that it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sla_cli.regular_file import open_regular

PIECES, PIECE = 16, 16 << 10  # how many, and bytes of each: a file that is no larger than all is taken whole


def read_pieces(read: Callable[[int, int], bytes], size: int) -> bytes:
    """Beginning, end, and what lies evenly between them.

    Args:
        read: gives so many bytes from an offset on.
        size: of the file in bytes.
    """
    if size <= PIECES * PIECE:
        return read(0, size)
    return b"".join(read(number * (size - PIECE) // (PIECES - 1), PIECE) for number in range(PIECES))


def pieces_of_file(path: Path) -> bytes:
    """As `read_pieces`, of a file on disk. Raises OSError."""
    with open_regular(path) as file:

        def read(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        return read_pieces(read, file.seek(0, 2))
