"""Reads numbers and names from any position in a file; past its end the result is empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Literal

MOST = 1 << 18  # parts that are inspected on one level: enough for a day of fragments, and a limit for a malicious file


@dataclass(frozen=True)
class ContainerFile:
    """An open file and its size in bytes."""

    stream: BinaryIO
    size: int

    def read(self, start: int, count: int) -> bytes:
        if count <= 0 or not 0 <= start < self.size:
            return b""
        self.stream.seek(start)
        return self.stream.read(count)

    def number(self, start: int, count: int, order: Literal["big", "little"] = "big") -> int:
        """A whole number of at most 8 bytes."""
        return int.from_bytes(self.read(start, min(count, 8)), order)

    def name(self, start: int, count: int = 4) -> str:
        """Text without padding zeros and spaces."""
        return self.read(start, count).decode("ascii", "replace").strip("\0 ")
