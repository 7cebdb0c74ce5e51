"""Pieces spread over a file, used to detect whether it has changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sla_cli.system.regular_file import open_regular

PIECES, PIECE = 16, 16 << 10  # number, and bytes of each: a file of at most this total is read completely


def read_pieces(read: Callable[[int, int], bytes], size: int) -> bytes:
    """Beginning, end, and evenly spaced pieces between them.

    Args:
        read: returns a number of bytes from an offset on.
        size: of the file in bytes.
    """
    if size <= PIECES * PIECE:
        return read(0, size)
    return b"".join(read(number * (size - PIECE) // (PIECES - 1), PIECE) for number in range(PIECES))


def pieces_of_file(path: Path) -> bytes:
    """Like `read_pieces`, for a file on disk. Raises OSError."""
    with open_regular(path) as file:

        def read(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        return read_pieces(read, file.seek(0, 2))
