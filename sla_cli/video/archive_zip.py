"""Members of a zip, listed by zipfile and read without the table of contents in memory."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from sla_cli.errors import SlaError, cannot_read
from sla_cli.video.archive_member import ArchiveReader, Headers, Member

HEADER = struct.Struct("<4s22xHH")  # local file header: signature, lengths of name and extra field

MOST_DIRECTORY = 512 << 20  # bytes of the table of contents, which zipfile reads into memory: over two million members


class Zip(ArchiveReader):
    """A zip (PKWARE APPNOTE 6.3): each member is stored or deflated separately."""

    def members(self) -> Iterator[Member]:
        try:
            with self.path.open("rb") as file, zipfile.ZipFile(self._directory(file)) as archive:
                for entry in archive.infolist():
                    if not entry.filename.endswith("/"):  # is_dir fails for an empty name
                        name = entry.filename.replace("\\", "/")  # some Windows programs write backslashes
                        packed = entry.compress_size if entry.compress_type == zipfile.ZIP_DEFLATED else -1
                        place = entry.header_offset, entry.file_size, packed
                        yield Member(name, *place, entry.CRC, _refused(entry))
        except NotImplementedError as error:
            raise SlaError(f"{self.path} needs a newer reader of zip", "Unpack it and give the folder.") from error
        except (zipfile.BadZipFile, UnicodeDecodeError) as error:
            if isinstance(error.__context__, OSError):  # zipfile reports a read error of the disk as "not a zip"
                raise cannot_read(self.path, error.__context__) from error
            raise SlaError(f"{self.path} is damaged, or not a zip", "Copy the archive again.") from error
        except OSError as error:
            raise cannot_read(self.path, error) from error

    def _directory(self, file: BinaryIO) -> BinaryIO:
        return cast(BinaryIO, Headers(file, self.path, "has a table of contents", MOST_DIRECTORY))

    def reads_pieces(self, member: Member) -> bool:
        return member.packed < 0

    def piece(self, member: Member, offset: int, size: int) -> bytes:
        return self._at(self._start(member) + offset, size)

    def chunks(self, member: Member) -> Iterator[bytes]:
        start, crc = self._start(member), 0
        for chunk in self._pieces(start, member.size) if member.packed < 0 else self._inflated(start, member):
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if crc != member.crc:
            raise SlaError(f"{self.path}/{member.path} is damaged: its checksum differs", "Copy the archive again.")

    def _start(self, member: Member) -> int:
        """Where the content of a member begins."""
        signature, name, extra = HEADER.unpack(self._at(member.offset, HEADER.size).ljust(HEADER.size, b"\0"))
        if signature != b"PK\3\4":
            raise SlaError(f"{self.path}/{member.path} is damaged: no header", "Copy the archive again.")
        return member.offset + HEADER.size + int(name) + int(extra)

    def _inflated(self, start: int, member: Member) -> Iterator[bytes]:
        """Never unpacks more than the stated size."""
        inflater, left = zlib.decompressobj(-zlib.MAX_WBITS), member.size
        try:
            for packed in self._pieces(start, member.packed):
                data = inflater.decompress(packed, max(1, left))
                while data and left > 0:
                    yield data
                    left -= len(data)
                    data = inflater.decompress(inflater.unconsumed_tail, max(1, left))
        except zlib.error as error:
            raise SlaError(
                f"{self.path}/{member.path} is damaged: it does not unpack", "Copy the archive again."
            ) from error


def _refused(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 1:
        return "is encrypted"
    kind = stat.S_IFMT(entry.external_attr >> 16)  # 0 if it was made on Windows
    if kind == stat.S_IFLNK:
        return "is a symbolic link in the archive, which is not followed"
    if kind not in (0, stat.S_IFREG):
        return "is neither a file nor a folder (a device or a pipe)"
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is compressed with a method ({entry.compress_type}) that cannot be read in place"
    return ""
