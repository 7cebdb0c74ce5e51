"""Files under one root, a folder on disk or an archive that is read in place: corpus readers use only this interface.

Paths are relative to the root, with `/` between parts; none leads outside of it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from sla_cli.errors import SlaError, reading
from sla_cli.system.regular_file import open_regular, read_regular
from sla_cli.video.pieces import pieces_of_file

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG)
IN_MEMORY = 64 << 20  # bytes; a larger video is read from its disk
LARGEST = 256 << 20  # most bytes of a picture or a table, which are read into memory: one of 64 million pixels has less


class Tree(Protocol):
    """A folder or an archive.

    Attributes:
        root: the folder or the archive.
        cache: the folder for lists of archives, also of those within this tree; None stores none.
        file: path of the only file that the user named, "" if it is the folder or archive.
    """

    root: Path
    cache: Path | None
    file: str

    def names(self, folder: str = "") -> list[str]:
        """Names of the files and folders in a folder, sorted. Raises SlaError if there is no such folder."""

    def is_dir(self, path: str) -> bool:
        """Whether a folder of this path is there. Raises SlaError if this cannot be determined."""

    def is_file(self, path: str) -> bool:
        """Whether a file of this path is there. Raises SlaError if this cannot be determined."""

    def read(self, path: str) -> bytes:
        """Content of a file. Raises SlaError if it cannot be read."""

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes]:
        """Contents of several files, in the order given. Raises SlaError if one cannot be read."""

    def size(self, path: str) -> int:
        """Bytes of a file, before it is read. Raises SlaError if it cannot be read."""

    def open(self, path: str) -> AbstractContextManager[BinaryIO]:
        """A file for reading at any position: its content in memory, or if it is larger than `IN_MEMORY`, on disk.
        Raises SlaError if it cannot be read; reading from it may raise OSError."""

    def stamp(self, path: str) -> tuple[str, bytes]:
        """A large file's size, and pieces of it; where they cost as much as all of it, as in a compressed archive,
        its size and its checksum and no pieces, or its path instead of both. Raises SlaError if it cannot be read."""

    def stamps(self, folder: str = "") -> dict[str, str]:
        """What is known about the files in a folder without reading them, by name: size, and checksum if an archive has
        one. Raises SlaError if it cannot be read."""

    def sample(self, path: str) -> bytes:
        """Pieces that distinguish files with equal stamps; none with a checksum, and the path if they cost as much as
        the file. Raises SlaError if they cannot be read."""

    def where(self, path: str) -> str:
        """The path for messages, including the root."""


class Folder:
    """A tree on disk."""

    def __init__(self, root: Path, cache: Path | None = None, file: str = "") -> None:
        self.root, self.cache, self.file = root, cache, file

    def names(self, folder: str = "") -> list[str]:
        with reading(self.where(folder)), os.scandir(self._on_disk(folder)) as entries:
            return sorted(entry.name for entry in entries)

    def is_dir(self, path: str) -> bool:
        found = self._stat(path)
        return found is not None and stat.S_ISDIR(found.st_mode)

    def is_file(self, path: str) -> bool:
        found = self._stat(path)
        return found is not None and stat.S_ISREG(found.st_mode)

    def read(self, path: str) -> bytes:
        place = f"{self.root}/{checked(path)}"  # called for every frame: no Path
        with reading(place):
            return read_regular(place, LARGEST)

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes]:
        return map(self.read, paths)

    def size(self, path: str) -> int:
        with reading(self.where(path)):
            return self._on_disk(path).stat().st_size

    @contextmanager
    def open(self, path: str) -> Iterator[BinaryIO]:
        with reading(self.where(path)):
            file = open_regular(self._on_disk(path))
        with file:
            with reading(self.where(path)):
                content = BytesIO(file.readall()) if os.fstat(file.fileno()).st_size <= IN_MEMORY else file
            yield content

    def stamp(self, path: str) -> tuple[str, bytes]:
        return str(self.size(path)), self.sample(path)

    def stamps(self, folder: str = "") -> dict[str, str]:
        with reading(self.where(folder)), os.scandir(self._on_disk(folder)) as entries:
            found = [(entry.name, _facts(entry)) for entry in entries]
        return {name: str(facts.st_size) for name, facts in found if facts and stat.S_ISREG(facts.st_mode)}

    def sample(self, path: str) -> bytes:
        with reading(self.where(path)):
            return pieces_of_file(self._on_disk(path))

    def where(self, path: str) -> str:
        return str(self.root / path)

    def _stat(self, path: str) -> os.stat_result | None:
        with reading(self.where(path)):
            return _facts(self._on_disk(path))

    def _on_disk(self, path: str) -> Path:
        return self.root / checked(path)


def _facts(entry: Path | os.DirEntry[str]) -> os.stat_result | None:
    """None if there is nothing, or a link to nothing."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise


def join(*parts: str) -> str:
    """Parts of a path in a tree, without empty ones."""
    return "/".join(part for part in parts if part)


def parent_of(path: str) -> str:
    """The folder that contains a path of a tree, "" at the top."""
    return path.rpartition("/")[0]


def checked(path: str) -> str:
    """The path itself. Raises SlaError if it would lead outside of its root, or no file can have its name."""
    if "\0" in path or (not path.isascii() and not _is_name(path)):
        raise SlaError(f"{path!r} is no name of a file", "It holds NUL, or half of a pair of surrogates.")
    if path.startswith("/") or ".." in path.split("/"):  # called for every frame: no PurePosixPath
        raise SlaError(f"{path!r} leads outside of the corpus", "Paths in tables must be relative to the corpus.")
    return path


def _is_name(path: str) -> bool:
    """Whether a file system can hold the name, as also of bytes that are not UTF-8."""
    try:
        return bool(os.fsencode(path))
    except UnicodeEncodeError:
        return False


def nothing_at(where: str) -> str:
    """Says why `where`, as of `Tree.where`, is no recording: nothing is there, or a pipe or a device."""
    there = os.path.exists(where)  # noqa: PTH110  # Path.exists raises for a name that no file can have
    return f"{where} is not a regular file" if there else f"no such frame folder or video: {where}"
