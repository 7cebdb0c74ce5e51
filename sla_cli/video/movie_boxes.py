"""MP4 and MOV: nested boxes (ISO/IEC 14496-12)."""

from __future__ import annotations

from collections.abc import Iterator

from sla_cli.video.container_file import MOST, ContainerFile
from sla_cli.video.tracks import Tracks

FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # old MOV files have no ftyp
UNKNOWN = 2**32 - 1  # value for an unknown duration
Span = tuple[int, int]  # content of a box: first byte, and the one after the last


def read_boxes(file: ContainerFile) -> tuple[Tracks | None, int]:
    """Picture tracks, None if the file's index is missing; and where its last box ends."""
    end, movie = 0, None
    for kind, (start, stop) in _boxes(file, (0, file.size)):
        end = max(end, stop)
        if kind == b"moov":
            movie = start, min(stop, file.size)
    return (None if movie is None else _tracks(file, movie)), end


def _tracks(file: ContainerFile, movie: Span) -> Tracks:
    codecs: list[str] = []
    scale, longest, delay = 0, 0, 0
    for kind, box in _boxes(file, movie):
        if kind == b"mvhd":
            scale = _number(file, box[0], 12, 20)
        if kind != b"trak" or not (handler := _inside(file, box, b"mdia", b"hdlr")):
            continue
        if file.read(handler[0] + 8, 4) != b"vide":
            continue
        if header := _inside(file, box, b"tkhd"):
            longest = max(longest, _number(file, header[0], 20, 28, wide=True))
        if entries := _inside(file, box, b"mdia", b"minf", b"stbl", b"stsd"):
            delay = delay if codecs else _empty_edits(file, box)
            codecs.append(file.name(entries[0] + 12))
    promised = longest / scale if longest and scale and longest < UNKNOWN else None
    return Tracks(tuple(codecs), delay / scale if scale else 0.0, promised)


def _empty_edits(file: ContainerFile, track: Span) -> int:
    """Delay of a track before its first picture, in the movie's time scale."""
    edits = _inside(file, track, b"edts", b"elst")
    if edits is None:
        return 0
    start, stop = edits
    width = 8 if file.read(start, 1) == b"\1" else 4
    waited = 0
    for entry in range(start + 8, min(stop, file.size), 2 * width + 4)[:MOST]:
        if file.read(entry + width, width) != b"\xff" * width:  # -1: nothing is shown
            break
        waited += file.number(entry, width)
    return waited


def _inside(file: ContainerFile, box: Span, *path: bytes) -> Span | None:
    """Follows a path of box kinds: the first box of each kind inside the previous box."""
    for wanted in path:
        found = next((span for kind, span in _boxes(file, box) if kind == wanted), None)
        if found is None:
            return None
        box = found[0], min(found[1], file.size)
    return box


def _boxes(file: ContainerFile, within: Span) -> Iterator[tuple[bytes, Span]]:
    start, end = within
    for _ in range(MOST):
        if end - start < 8:
            return
        head = file.read(start, 16)
        size, kind, content = int.from_bytes(head[:4], "big"), head[4:8], start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:], "big"), start + 16
        if size < content - start:
            size = end - start  # 0 means "to the end"; less is damage
        yield kind, (content, start + size)
        start += size


def _number(file: ContainerFile, start: int, place: int, place64: int, wide: bool = False) -> int:
    """A field of a box that has a 32-bit and a 64-bit version; `wide` fields before it have different sizes in them."""
    version = file.read(start, 1) == b"\1"
    return file.number(start + (place64 if version else place), 8 if version and wide else 4)
