"""What the first bytes of a video tell: how many it should have. FFmpeg reads a truncated file as if it ended there.

MP4 and MOV (ISO/IEC 14496-12), AVI (RIFF), Matroska and WebM (RFC 8794, RFC 9559) state their length, and a PNG has an
end; others do not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from sla_cli.artifact.bounded_decode import PNG

FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # of an MP4; old MOV files have no ftyp
# All that are not inside others, in MP4, DASH and MOV: what else follows the last of them is not of the video.
BOXES = (
    *FIRST_BOXES,
    *(b"styp", b"moof", b"mfra", b"sidx", b"ssix", b"prft", b"pdin", b"meta", b"meco", b"uuid", b"emsg", b"imda"),
    *(b"udta", b"pnot", b"PICT", b"junk", b"otyp", b"etyp"),
)
EBML, SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")  # ids of the elements of a Matroska
UNKNOWN = b"\xff" * 4  # for the length of an AVI that was written to a pipe
IEND = bytes.fromhex("0000000049454e44ae426082")  # the last chunk of a PNG
HEAD = 1024  # bytes, in which a length is stated
JOINED = "is several videos one after the other, which are not read to the end"  # what is said of `another_follows`
MOST_BOXES = 1 << 18  # enough for a day of fragments, and a limit for a malicious file


def missing_bytes(file: BinaryIO) -> int:
    """Bytes by which a file is shorter than it states; 0 if it is complete, or states no length."""
    size = file.seek(0, os.SEEK_END)
    head = _read(file, 0, HEAD)
    if head.startswith(PNG):
        return 0 if IEND in _read(file, max(0, size - HEAD), HEAD) else len(IEND)
    stated = _end_of_boxes(file, size) if head[4:8] in FIRST_BOXES else stated_length(head)
    return max(0, stated - size)


def another_follows(file: BinaryIO) -> bool:
    """Whether a second video follows the one that a file begins with, as after `cat a.mp4 b.mp4`.

    Of an MP4 and AVI FFmpeg reads the first only, of a Matroska one or two. A fragmented MP4 may have several heads.
    """
    head, size = _read(file, 0, HEAD), file.seek(0, os.SEEK_END)
    if head[4:8] in FIRST_BOXES:
        kinds = [kind for kind, _ in _boxes(file, size)]
        return kinds.count(b"ftyp") > 1 and b"moof" not in kinds
    next_head = _read(file, end, 12) if (end := stated_length(head)) else b""
    return next_head[:4] == EBML or (next_head[:4], next_head[8:]) == (b"RIFF", b"AVI ")  # AVIX continues an AVI


def stated_length(head: bytes) -> int:
    """The length that an AVI or a Matroska states in its first `HEAD` bytes; 0 if there is none."""
    if head[:4] == b"RIFF":
        return 0 if head[4:8] == UNKNOWN else 8 + int.from_bytes(head[4:8], "little")
    return _end_of_segment(head) if head[:4] == EBML else 0


def index_is_last(head: bytes) -> bool:
    """Whether the first `HEAD` bytes, or fewer, show an MP4 whose pictures come before their index."""
    start = 0
    while (kind := head[start + 4 : start + 8]) in FIRST_BOXES and kind != b"moov":
        if kind == b"mdat":
            return True
        start += max(8, int.from_bytes(head[start : start + 4], "big"))
    return False


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Where the last box of an MP4 ends."""
    end = 0
    for _, end in _boxes(file, size):  # noqa: B007  # the last one
        pass
    return end


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """The kind of each box of an MP4, and where it ends; what is no box reaches to the end of the file."""
    start = 0
    for _ in range(MOST_BOXES):
        if size - start < 8:
            return
        head = _read(file, start, 16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if length < 8 or head[4:8] not in BOXES:  # 0 means "to the end"; others are damage
            yield b"", size
            return
        start += length
        yield head[4:8], start


def _end_of_segment(head: bytes) -> int:
    """Where the segment of a Matroska ends; 0 if it does not state it, as a live recording."""
    content, length = _vint(head, len(EBML))
    segment = content + (length or 0)
    if head[segment : segment + 4] != SEGMENT:
        return 0
    content, length = _vint(head, segment + len(SEGMENT))
    return 0 if length is None else content + length


def _vint(data: bytes, place: int) -> tuple[int, int | None]:
    """The end of an EBML number of variable length, and its value; None if unknown."""
    width = 9 - int.from_bytes(data[place : place + 1], "big").bit_length()
    largest = (1 << 7 * width) - 1
    value = int.from_bytes(data[place : place + width], "big") & largest
    return place + width, None if value == largest else value


def _read(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    return file.read(count)
