"""A part of a file as a file of its own: a video inside a tar is read where it lies."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class InPlace(io.RawIOBase):
    """The bytes that `piece` reads, as a file for reading at any position; see `io.BufferedReader` for speed.

    Args:
        piece: reads a number of bytes from an offset on.
        size: of all in bytes.
    """

    def __init__(self, piece: Callable[[int, int], bytes], size: int) -> None:
        super().__init__()
        self._piece, self._size, self._place = piece, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self._piece(self._place, max(0, min(len(view), self._size - self._place)))
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
