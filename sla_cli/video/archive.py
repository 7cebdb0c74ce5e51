"""Archives read in place: zip, tar and tar.gz. Nothing is unpacked, but a large video of a zip or tar.gz is copied to a
temporary file.

All kinds have one list of members, in SQLite (`archive_index.py`): opening an archive of 800,000 members again takes
milliseconds and no memory per worker. zipfile would need seconds and hundreds of megabytes each time, and tarfile would
read the whole archive.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BufferedReader, BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from sla_cli.errors import ReadError, SlaError
from sla_cli.video.archive_index import ArchiveIndex
from sla_cli.video.archive_member import CHUNK, ArchiveReader, Member
from sla_cli.video.in_place import InPlace
from sla_cli.video.pieces import read_pieces
from sla_cli.video.tree import IN_MEMORY, LARGEST, checked

# A file that is too large for memory is a video, which compression makes hardly smaller. One that unpacks to more times
# its size in the archive would only fill the disk.
MOST_TIMES = 50
AHEAD = 256 << 20  # bytes that are kept in memory to avoid seeking back
HINT = "Put the file itself into the archive; into a zip deflated, without a password."


class Archive:
    """A tree inside an archive."""

    file = ""

    def __init__(self, root: Path, cache: Path | None, index: ArchiveIndex, content: ArchiveReader, size: int) -> None:
        self.root, self.cache = root, cache
        self._index, self._content, self._size = index, content, size

    def names(self, folder: str = "") -> list[str]:
        names = self._index.names(_normal(folder))
        if names is None:
            raise SlaError(f"cannot read {self.where(folder)}: no such folder in the archive")
        return names

    def is_dir(self, path: str) -> bool:
        return self._index.is_dir(_normal(path))

    def is_file(self, path: str) -> bool:
        return self._index.member(_normal(path)) is not None

    def read(self, path: str) -> bytes:
        member = self._member(path)
        if member.size > LARGEST:
            raise SlaError(f"cannot read {self.where(path)}: it has more than {LARGEST >> 20} MiB")
        return b"".join(self._chunks(member))

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes]:
        paths = list(paths)
        if not self._index.seek_points:
            return map(self.read, paths)
        return self._read_ahead(paths)

    def _read_ahead(self, paths: Sequence[str]) -> Iterator[bytes]:
        """Seeking back in a compressed stream is slow: members that lie before the wanted one are read first and kept,
        as far as there is room."""
        sizes = {path: self._member(path).size for path in paths}
        waiting = iter(sorted(sizes, key=lambda path: self._member(path).offset))
        passed: set[str] = set()
        kept: dict[str, bytes] = {}
        room = AHEAD
        for path in paths:
            while path not in passed:
                passed.add(other := next(waiting))
                if other != path and sizes[other] <= room:
                    kept[other] = self.read(other)
                    room -= sizes[other]
            if path in kept:
                room += sizes[path]
                yield kept.pop(path)
            else:
                yield self.read(path)

    def size(self, path: str) -> int:
        return self._member(path).size

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        member = self._member(path)
        if member.size <= IN_MEMORY:
            yield BytesIO(self.read(path))
            return
        if self._content.in_pieces:
            with BufferedReader(InPlace(partial(self._content.piece, member), member.size), CHUNK) as file:
                yield file
            return
        with tempfile.TemporaryFile(prefix="sla-") as copy:
            try:
                copy.writelines(self._chunks(member))
            except OSError as error:
                message = f"cannot copy {self.where(path)} to {tempfile.gettempdir()}: {error.strerror or error}"
                raise ReadError(message, "Set TMPDIR to a folder with room.") from error  # there may be room later
            yield copy

    def stamp(self, path: str) -> tuple[str, bytes]:
        member = self._member(path)
        if not self._content.reads_pieces(member):
            return _stamp(member), _instead_of_pieces(member)
        return str(member.size), read_pieces(partial(self._content.piece, member), member.size)

    def stamps(self, folder: str = "") -> dict[str, str]:
        return {member.path: _stamp(member) for member in self._index.members(_normal(folder))}

    def sample(self, path: str) -> bytes:
        member = self._member(path)
        if not self._content.in_pieces:
            return _instead_of_pieces(member)
        return read_pieces(partial(self._content.piece, member), member.size)

    def where(self, path: str) -> str:
        return f"{self.root}/{path}" if path else str(self.root)

    def _member(self, path: str) -> Member:
        member = self._index.member(_normal(path))
        if member is None:
            raise SlaError(f"cannot read {self.where(path)}: no such file in the archive")
        if member.refused:
            raise SlaError(f"{self.where(path)} {member.refused}", HINT)
        packed = member.packed if member.packed >= 0 else self._size
        if member.size > IN_MEMORY and member.size > MOST_TIMES * packed:
            sizes = f"would be unpacked from {packed:,} to {member.size:,} bytes"
            raise SlaError(
                f"{self.where(path)} {sizes}, as no recording or table", "If you trust it, unpack the archive."
            )
        return member

    def _chunks(self, member: Member) -> Iterator[bytes]:
        done = 0
        for chunk in self._content.chunks(member):
            done += len(chunk)
            yield chunk
        if done != member.size:
            hint = "Copy the archive again."
            raise SlaError(f"{self.where(member.path)} is damaged: {done} of {member.size} bytes", hint)


def _stamp(member: Member) -> str:
    return str(member.size) if member.crc < 0 else f"{member.size} {member.crc:08x}"


def _instead_of_pieces(member: Member) -> bytes:
    """The path of a member without a checksum: recordings of one size are not one."""
    return member.path.encode("utf-8", "surrogateescape") if member.crc < 0 else b""


def _normal(path: str) -> str:
    """The path as in the list: without `./` and without a slash at the end."""
    return "" if checked(path) in ("", ".") else str(PurePosixPath(path))
