"""AVI: nested chunks and lists (RIFF). WAVE is RIFF too, but only sound."""

from __future__ import annotations

from collections.abc import Iterator

from sla_cli.video.container_file import MOST, ContainerFile
from sla_cli.video.tracks import Tracks


def read_riff(file: ContainerFile) -> tuple[Tracks | None, int]:
    """Picture tracks, None if the kind is unknown; and where the first RIFF chunk ends."""
    end, kind = 8 + file.number(4, 4, "little"), file.read(8, 4)
    if kind == b"AVI ":
        return _tracks(file, min(end, file.size)), end
    return (Tracks(codecs=()) if kind == b"WAVE" else None), end


def _tracks(file: ContainerFile, end: int) -> Tracks | None:
    header = next((span for kind, *span in _chunks(file, 12, end) if kind == b"hdrl"), None)
    if header is None:
        return None
    codecs, longest = [], 0.0
    for kind, start, stop in _chunks(file, *header):
        if kind != b"strl":
            continue
        chunks = {kind: place for kind, place, _ in _chunks(file, start, stop)}
        about, form = chunks.get(b"strh"), chunks.get(b"strf")
        if about is None or form is None or file.read(about, 4) != b"vids":
            continue
        codecs.append(file.name(form + 16) or "raw")
        scale, rate, length = (file.number(about + place, 4, "little") for place in (20, 24, 32))
        longest = max(longest, length * scale / rate if rate else 0.0)
    return Tracks(tuple(codecs), end=longest or None)


def _chunks(file: ContainerFile, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind of each chunk or list, first byte of its content, and the one after the last."""
    for _ in range(MOST):
        if end - start < 8:
            return
        kind, size = file.read(start, 4), file.number(start + 4, 4, "little")
        content, stop = start + 8, min(end, start + 8 + size)
        if kind == b"LIST":
            kind, content = file.read(content, 4), content + 4
        yield kind, content, stop
        start += 8 + size + size % 2
