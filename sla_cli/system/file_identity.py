"""Tells whether a name still means the same file with the same content, without reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sla_cli.errors import SlaError


def identity(path: Path) -> tuple[int, ...] | None:
    """What tells a file, or a link and the file it leads to, from another one of its name; None if there is none."""
    try:
        own = path.lstat()
        found = path.stat() if path.exists() else own
    except OSError:
        return None
    return own.st_ino, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def unchanged(path: Path) -> Callable[[Path], None]:
    """A check for `atomic_write`. Make it before reading a file that is then edited and written back.

    It raises SlaError if another program has written the file since.
    """
    before = identity(path)

    def check(_: Path) -> None:
        if identity(path) != before:
            raise SlaError(f"{path} was changed while it was used", "Run the command again.")

    return check
