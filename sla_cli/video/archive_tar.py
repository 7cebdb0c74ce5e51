"""Members of a tar or tar.gz, listed by tarfile. A tar.gz is read from seek points (zran, by indexed_gzip)."""

from __future__ import annotations

import codecs
import io
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sla_cli.errors import FormatError, SlaError, cannot_read, reading
from sla_cli.log import log
from sla_cli.video.archive_member import ArchiveReader, Headers, Member

SPACING = 16 << 20  # unpacked bytes between seek points of 32 KB each: 53 GB need about 100 MB of seek points

MOST_HEADERS = 64 << 10  # bytes of one member: its name, its link and what PAX adds, such as access rights
MOST_GLOBAL = 100  # what PAX states for all members; real archives state a comment


def _percent(error: UnicodeError) -> tuple[str, int]:
    """Bytes of names that are not UTF-8, so that the names stay different, and a table can name them."""
    assert isinstance(error, UnicodeDecodeError)
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("sla_percent", _percent)


class PlainTar(ArchiveReader):
    """A tar that is not compressed."""

    in_pieces = True

    def members(self) -> Iterator[Member]:
        with reading(self.path), self.path.open("rb") as file:
            yield from _members(file, self.path)


class GzipTar(ArchiveReader):
    """A tar that is compressed as a whole."""

    def __init__(self, path: Path) -> None:
        try:
            from indexed_gzip import IndexedGzipFile
        except ImportError as error:
            hint = "Install it with `pip install 'sla-cslr[archives]'`, or unpack the outer layer with `gunzip`."
            raise SlaError(f"reading {path} in place needs the package indexed_gzip", hint) from error
        self.path = path
        self._file = IndexedGzipFile(filename=str(path), spacing=SPACING)

    @property
    def seek_points(self) -> bytes:
        """Made while the members are listed, or given by the reader that listed them."""
        stream = io.BytesIO()
        with _named(self.path):
            self._file.build_full_index()
            self._file.export_index(fileobj=stream)
        return stream.getvalue()

    @seek_points.setter
    def seek_points(self, points: bytes) -> None:
        self._file.import_index(fileobj=io.BytesIO(points))

    def members(self) -> Iterator[Member]:
        with _named(self.path):
            yield from _members(self._file, self.path)

    def _at(self, offset: int, size: int) -> bytes:
        try:
            return self._file.pread(size, offset)
        except (OSError, EOFError) as error:  # damage, or a temporary error of the disk: the library does not say which
            log.debug("%s is read again at byte %d: %s", self.path, offset, error)
        with _named(self.path):
            return self._file.pread(size, offset)


def _members(file: BinaryIO, path: Path) -> Iterator[Member]:
    """Files of a tar; a hard link is the file that it names. Other kinds of members are refused when they are read."""
    end = -1
    headers = Headers(file, path, "has a member with headers", MOST_HEADERS)
    stream, errors = cast(BinaryIO, headers), "sla_percent"
    try:
        with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors=errors) as archive:
            while (entry := archive.next()) is not None:
                headers.allow()
                if archive.offset <= end:  # a negative size would cause an endless loop
                    raise tarfile.ReadError(f"the size of {entry.name} is wrong")
                end = archive.offset
                # tarfile would keep all members in memory; this list is public, but missing in the stubs.
                archive.members.clear()  # type: ignore[attr-defined]
                for_all = archive.pax_headers  # kept to the end
                if len(for_all) > MOST_GLOBAL or sum(map(len, for_all.values())) > MOST_HEADERS:
                    raise tarfile.ReadError("it has too many global headers")
                if not entry.isdir():
                    yield _member(entry)
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        reason = error if isinstance(error, tarfile.TarError) else "a header cannot be read"
        raise FormatError(f"{path} is damaged, or not a tar: {reason}", "Copy the archive again.") from error
    # tarfile treats an unreadable header, and the end of the file, as the end of the archive.
    file.seek(max(end, 0))
    mark = file.read(tarfile.BLOCKSIZE)
    if not mark or mark.strip(b"\0"):
        raise SlaError(f"{path} is damaged at byte {end}: neither a member nor the end is there", "Copy it again.")
    while (block := file.read(tarfile.BLOCKSIZE)) and not block.strip(b"\0"):
        pass
    if block[257:].startswith(b"ustar"):
        fault = f"{path} is several archives one after the other, of which a tar program reads the first"
        raise SlaError(fault, "Unpack them with `tar --ignore-zeros -xf`, and pack their files into one.")


def _member(entry: tarfile.TarInfo) -> Member:
    if entry.islnk():
        return Member(entry.name, 0, 0, link=entry.linkname)
    if entry.isreg() and not entry.issparse():
        return Member(entry.name, entry.offset_data, entry.size)
    if entry.issym():
        return Member(entry.name, 0, 0, refused="is a symbolic link in the archive, which is not followed")
    return Member(entry.name, 0, 0, refused="is neither a file nor a folder (a device, a pipe or a sparse file)")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Adds the name of the archive to errors of indexed_gzip, which reports damage and a lack of memory alike."""
    try:
        yield
    except (OSError, EOFError) as error:
        if isinstance(error, OSError) and error.errno:  # only errors of the file system have one
            raise cannot_read(path, error) from error
        message = f"{path} is damaged, or not a gzip, or memory is short"
        raise SlaError(message, "Test it with `gzip -t`. If it is damaged, copy the archive again.") from error
