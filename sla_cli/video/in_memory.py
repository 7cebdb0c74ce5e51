"""Files in memory, for libraries that treat a read error of the disk as the end of the file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST = 64 << 20  # bytes; a larger file is read from its disk
OPEN_FILES = Path("/proc/self/fd")


@contextmanager
def in_memory(path: Path) -> Iterator[Path]:
    """The path of a copy that exists until it is closed; the file itself if it is large, or the system is not Linux.

    Raises OSError if not all of it can be read.
    """
    if not hasattr(os, "memfd_create") or not OPEN_FILES.is_dir() or path.stat().st_size > MOST:
        yield path
        return
    with path.open("rb") as file, os.fdopen(os.memfd_create(path.name[:200]), "wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
        copy.flush()
        yield OPEN_FILES / str(copy.fileno())
