"""Tells whether a name still means the same file with the same content, without reading it."""

from __future__ import annotations

from pathlib import Path


def identity(path: Path) -> tuple[int, ...] | None:
    """What tells a file, or a link and the file it leads to, from another one of its name; None if there is none."""
    try:
        own = path.lstat()
        found = path.stat() if path.exists() else own
    except OSError:
        return None
    return own.st_ino, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
