"""A file in an archive, and the reader of one kind of archive."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from sla_cli.errors import FormatError, reading

CHUNK = 1 << 20  # bytes
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        path: path in the archive, with `/` between parts.
        offset: position of its content (tar) or its header (zip), in bytes.
        size: of the content.
        packed: compressed size if each member is compressed separately (zip), else -1.
        crc: CRC-32 of the content if the archive has one, else -1.
        refused: why it cannot be read, "" if it can.
        link: path of the earlier member that a hard link of a tar refers to, or "".
    """

    path: str
    offset: int
    size: int
    packed: int = -1
    crc: int = -1
    refused: str = ""
    link: str = ""


class Headers:
    """The file of an archive for a library that reads only headers from it, into memory, of whatever size they state.

    Attributes:
        left: bytes that may still be read.
    """

    def __init__(self, file: BinaryIO, path: Path, what: str, most: int) -> None:
        self.seek, self.tell = file.seek, file.tell
        self._file, self._path, self._what, self._most = file, path, what, most
        self.allow()

    def allow(self) -> None:
        """As many bytes as at first may be read from here on."""
        self.left = self._most

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if 0 <= size <= self.left else self.left + 1)
        if len(data) > self.left:
            message = f"{self._path} {self._what} of more than {self._most >> 10} KB, or is damaged"
            raise FormatError(message, "If it is whole and you trust it, unpack it and give the folder.")
        self.left -= len(data)
        return data


class ArchiveReader(ABC):
    """A kind of archive: lists its members and reads them."""

    in_pieces = False  # whether reading a part of a member is faster than reading all of it, and it has no checksum
    seek_points = b""  # positions for entering a compressed stream; given to a reader that did not list the members

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = path.open("rb", buffering=0)

    def reads_pieces(self, member: Member) -> bool:
        """Whether a part of this member can be read without the parts before it."""
        return self.in_pieces

    def piece(self, member: Member, offset: int, size: int) -> bytes:
        """A part of a member that `reads_pieces`."""
        return self._at(member.offset + offset, size)

    @abstractmethod
    def members(self) -> Iterator[Member]:
        """All files in the order of the archive. Raises SlaError if it is damaged."""

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Content of a member in pieces. Raises SlaError if it is damaged."""
        return self._pieces(member.offset, member.size)

    def _pieces(self, start: int, size: int) -> Iterator[bytes]:
        for place in range(start, start + size, CHUNK):
            yield self._at(place, min(CHUNK, start + size - place))

    def _at(self, offset: int, size: int) -> bytes:
        with reading(self.path):
            if hasattr(os, "pread"):  # shares no position with other threads and processes
                return os.pread(self._file.fileno(), size, offset)
            with _ONE_AT_A_TIME:  # Windows
                self._file.seek(offset)
                return bytes(self._file.read(size))
