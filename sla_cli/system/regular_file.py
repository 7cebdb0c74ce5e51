"""Opens files that users name, but no pipes and devices: reading a pipe would wait, and a device may never end."""

from __future__ import annotations

import errno
import os
import stat
from io import FileIO
from pathlib import Path

LARGEST = 512 << 20  # most bytes of a text file; hypotheses of a whole corpus, 100 of each clip, have a tenth


def open_regular(path: Path | str) -> FileIO:
    """Open a file for reading, without a buffer. Raises OSError as `open` does, and for what is not a regular file."""
    return FileIO(path, "rb", opener=_opened)


def read_regular(path: Path | str, most: int = LARGEST) -> bytes:
    """The content of a file of at most `most` bytes. Raises as `open_regular` does, and OSError for a larger one."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            bound = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most:,} bytes"
            raise OSError(errno.EFBIG, f"it has more than {bound}", path)
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
