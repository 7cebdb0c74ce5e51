"""What a video file's container promises, since decoders pass over the end of a truncated file in silence.

MP4 and MOV (ISO/IEC 14496-12), AVI (RIFF), Matroska and WebM (RFC 9559) say how long they are; others do not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

BOXES_WITHIN = {b"moov", b"trak", b"mdia"}
EBML, SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")


def missing_bytes(path: Path) -> int:
    """Bytes by which a file is shorter than its container says; 0 where it is complete, or its kind does not say."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        if head[4:8] == b"ftyp":
            end = max(last for _, _, last in _boxes(file, 0, size))
        elif head[:4] == b"RIFF":
            end = 8 + int.from_bytes(head[4:8], "little")
        elif head[:4] == EBML:
            end = _segment_end(head)
        else:
            return 0
    return max(0, end - size)


def promised_seconds(path: Path) -> float | None:
    """How long an MP4's or MOV's picture track is shown, edits such as a phone's trimming included.

    None where the file does not say: other containers, and fragments written by a live recorder.
    """
    size = path.stat().st_size
    scale, longest, track = 0, 0, 0
    with path.open("rb") as file:
        if file.read(8)[4:] != b"ftyp":
            return None
        for kind, start, _ in _boxes(file, 0, size, deep=True):
            if kind == b"mvhd":
                scale = _number(file, start, 12, 20)
            elif kind == b"tkhd":
                track = _number(file, start, 20, 28, wide=True)
            elif kind == b"hdlr" and _read(file, start + 8, 4) == b"vide":
                longest = max(longest, track)
    return longest / scale if longest and scale and longest < 2**32 - 1 else None


def _boxes(file: BinaryIO, start: int, end: int, deep: bool = False) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start of the content and end of each box; of the boxes inside boxes too, if `deep`."""
    while end - start >= 8:
        size, kind = struct.unpack(">I4s", _read(file, start, 8))
        content = start + 8
        if size == 1:
            size, content = int.from_bytes(_read(file, content, 8), "big"), content + 8
        if size < content - start:
            size = end - start  # 0 is "to the end"; less is damage
        yield kind, content, start + size
        if deep and kind in BOXES_WITHIN:
            yield from _boxes(file, content, min(end, start + size), deep)
        start += size


def _number(file: BinaryIO, start: int, place: int, place64: int, wide: bool = False) -> int:
    """A field of a box that comes in two versions, of 32 and 64 bits; `wide` fields grow with them."""
    version = _read(file, start, 1) == b"\1"
    return int.from_bytes(_read(file, start + (place64 if version else place), 8 if version and wide else 4), "big")


def _segment_end(head: bytes) -> int:
    """Where Matroska's segment ends; 0 for a live recording, which does not know."""
    size, start = _vint(head, 4)
    start += size
    if head[start : start + 4] != SEGMENT:
        return 0
    size, start = _vint(head, start + 4)
    return start + size if size else 0


def _vint(head: bytes, place: int) -> tuple[int, int]:
    """EBML's number of variable length, and where it ends; 0 stands for unknown."""
    first = head[place] if place < len(head) else 0
    length = 9 - first.bit_length()
    value = int.from_bytes(head[place : place + length], "big") & ((1 << 7 * length) - 1)
    return (0 if value == (1 << 7 * length) - 1 else value), place + length


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)
