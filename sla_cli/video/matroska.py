"""Matroska and WebM: nested elements (EBML; RFC 8794, RFC 9559)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sla_cli.video.container_file import MOST, ContainerFile
from sla_cli.video.tracks import Tracks

EBML, SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
INFO, TIMESTAMP_SCALE, DURATION = bytes.fromhex("1549a966"), bytes.fromhex("2ad7b1"), bytes.fromhex("4489")
TRACKS, TRACK = bytes.fromhex("1654ae6b"), b"\xae"
NUMBER, TYPE, CODEC, PICTURES = b"\xd7", b"\x83", b"\x86", 1
CLUSTER, TIMESTAMP, BLOCK_GROUP, BLOCKS = bytes.fromhex("1f43b675"), b"\xe7", b"\xa0", (b"\xa3", b"\xa1")
CLUSTERS = 16  # clusters that are searched for a picture: a cluster with only sound has some seconds

Element = tuple[bytes, int, int]  # id, first byte of the content, and the one after the last


def read_matroska(file: ContainerFile) -> tuple[Tracks | None, int]:
    """Picture tracks, None if the list of tracks is missing; and where the segment ends, 0 for a live recording, which
    does not state it."""
    place, size = _vint(file, 4)
    segment = place + (size or 0)
    if file.read(segment, 4) != SEGMENT:
        return None, 0
    start, size = _vint(file, segment + 4)
    end = 0 if size is None else start + size
    nanoseconds, duration, tracks = 1_000_000, 0.0, None
    delay, clusters = None, 0
    for kind, first, last in _elements(file, start, file.size):
        if kind == INFO:
            about = {kind: file.read(begin, min(8, stop - begin)) for kind, begin, stop in _elements(file, first, last)}
            nanoseconds = int.from_bytes(about.get(TIMESTAMP_SCALE, b""), "big") or nanoseconds
            duration = _float(about.get(DURATION, b""))
        elif kind == TRACKS:
            tracks = [_track(file, *span) for kind, *span in _elements(file, first, last) if kind == TRACK]
        elif kind == CLUSTER:
            clusters += 1
            delay = _first_time(file, first, last, {number for number, form, _ in tracks or [] if form == PICTURES})
            if delay is not None or clusters == CLUSTERS:
                break
    if tracks is None:
        return None, end
    return _summary(tracks, (delay or 0) * nanoseconds / 1e9, duration * nanoseconds / 1e9), end


def _summary(tracks: list[tuple[int, int, str]], delay: float, duration: float) -> Tracks:
    codecs = tuple(codec for _, form, codec in tracks if form == PICTURES)
    return Tracks(codecs, delay, duration if duration and len(codecs) == len(tracks) else None)


def _track(file: ContainerFile, start: int, end: int) -> tuple[int, int, str]:
    """Number, type and codec."""
    found = {kind: (begin, stop - begin) for kind, begin, stop in _elements(file, start, end)}
    number, form = (file.number(*found.get(kind, (0, 0))) for kind in (NUMBER, TYPE))
    begin, size = found.get(CODEC, (0, 0))
    return number, form, file.name(begin, min(size, 64))


def _first_time(file: ContainerFile, start: int, end: int, tracks: set[int]) -> int | None:
    """Time of the first block of one of the tracks in a cluster, in the file's time scale; None if it has none."""
    time = 0
    for kind, first, last in _elements(file, start, end):
        if kind == TIMESTAMP:
            time = file.number(first, last - first)
        if kind == BLOCK_GROUP:
            kind, first, last = next(_elements(file, first, last), (b"", 0, 0))
        if kind in BLOCKS:
            place, track = _vint(file, first)
            if track in tracks:
                return time + int.from_bytes(file.read(place, 2), "big", signed=True)
    return None


def _elements(file: ContainerFile, start: int, end: int) -> Iterator[Element]:
    """An element of unknown size reaches to the end, as in live recordings."""
    for _ in range(MOST):
        width = 9 - file.number(start, 1).bit_length()
        if start >= end or width > 4:  # no id begins with 0: damage
            return
        content, size = _vint(file, start + width)
        stop = end if size is None else min(end, content + size)
        yield file.read(start, width), content, stop
        start = stop


def _vint(file: ContainerFile, place: int) -> tuple[int, int | None]:
    """The end of an EBML number of variable length, and its value; None if unknown."""
    width = 9 - file.number(place, 1).bit_length()
    value = file.number(place, width) & ((1 << 7 * width) - 1)
    return place + width, None if value == (1 << 7 * width) - 1 else value


def _float(data: bytes) -> float:
    form = {4: ">f", 8: ">d"}.get(len(data))
    value = struct.unpack(form, data)[0] if form else 0.0
    return float(value) if 0 < value < 1e15 else 0.0
