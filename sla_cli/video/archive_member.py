"""A file in an archive, and what reads archives of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Member:
    """A file in an archive.

    Attributes:
        path: with `/` between parts, as the archive names it.
        offset: of its content (tar) or its header (zip), in bytes.
        size: of the content.
        packed: compressed size where it is compressed on its own (zip), else -1.
        crc: CRC-32 of the content where the archive holds one, else -1.
        refused: why it cannot be read, "" where it can.
        link: path of the earlier member that a hard link of a tar stands for, or "".
    """

    path: str
    offset: int
    size: int
    packed: int = -1
    crc: int = -1
    refused: str = ""
    link: str = ""


class ArchiveReader(Protocol):
    """A kind of archive: what lists its members, and reads them."""

    seek_points: bytes  # where to enter a compressed stream; to be given to who did not list the members

    def members(self) -> Iterator[Member]:
        """All files in the order of the archive. Raises SlaError where it is damaged."""

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Content of a member in pieces. Raises SlaError where it is damaged."""
