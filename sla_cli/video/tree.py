"""Files under one root, a folder on disk or an archive that is read in place: corpus readers know only this.

Paths are relative to the root, with `/` between parts; none leaves the root.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Protocol

from sla_cli.errors import SlaError


class Tree(Protocol):
    """A folder or an archive."""

    root: Path

    def names(self, folder: str = "") -> list[str]:
        """Names of the files and folders in a folder, sorted. Raises SlaError where there is no such folder."""

    def is_dir(self, path: str) -> bool:
        """Whether a folder of this path is there."""

    def is_file(self, path: str) -> bool:
        """Whether a file of this path is there."""

    def read(self, path: str) -> bytes:
        """Content of a file. Raises SlaError where it cannot be read."""

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes]:
        """Contents of several files, in the order given. Raises SlaError where one cannot be read."""

    def local(self, path: str) -> AbstractContextManager[Path]:
        """The file on disk, for libraries that open files themselves; a copy that is removed afterwards, if need be."""

    def where(self, path: str) -> str:
        """The path as messages name it, root included."""


class Folder:
    """A tree on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, folder: str = "") -> list[str]:
        try:
            return sorted(entry.name for entry in os.scandir(self._on_disk(folder)))
        except OSError as error:
            raise SlaError(f"cannot read {self.where(folder)}: {error.strerror}") from error

    def is_dir(self, path: str) -> bool:
        return self._on_disk(path).is_dir()

    def is_file(self, path: str) -> bool:
        return self._on_disk(path).is_file()

    def read(self, path: str) -> bytes:
        try:
            return self._on_disk(path).read_bytes()
        except OSError as error:
            raise SlaError(f"cannot read {self.where(path)}: {error.strerror}") from error

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes]:
        return map(self.read, paths)

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        yield self._on_disk(path)

    def where(self, path: str) -> str:
        return str(self.root / path)

    def _on_disk(self, path: str) -> Path:
        return self.root / checked(path)


def checked(path: str) -> str:
    """The path itself. Raises SlaError where it would leave its root."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise SlaError(f"{path!r} does not stay inside the corpus", "Paths in tables are relative to the corpus.")
    return path
