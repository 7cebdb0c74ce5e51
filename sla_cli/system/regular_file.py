"""Opens files that users name, but no pipes and devices: reading a pipe would wait, and a device may never end."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path


def open_regular(path: Path | str) -> FileIO:
    """Open a file for reading, without a buffer. Raises OSError as `open` does, and for what is not a regular file."""
    return FileIO(path, "rb", opener=_opened)


def read_regular(path: Path | str) -> bytes:
    """The content of a file. Raises as `open_regular` does."""
    with open_regular(path) as file:
        return file.readall()


def _opened(path: str, flags: int) -> int:
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # does not wait for a pipe; not on Windows
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.ENODEV, f"it is {'a pipe' if stat.S_ISFIFO(mode) else 'a device'}, not a regular file", path)
