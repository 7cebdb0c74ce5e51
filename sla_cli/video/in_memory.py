"""Files in memory, for libraries that take what a disk does not give for the end of the file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST = 64 << 20  # bytes; a larger file is read where it lies
OPEN_FILES = Path("/proc/self/fd")


@contextmanager
def in_memory(path: Path) -> Iterator[Path]:
    """The path of a copy that exists until it is closed; of the file itself where it is large, or not on Linux.

    Raises OSError where the disk does not give all of it.
    """
    if not hasattr(os, "memfd_create") or not OPEN_FILES.is_dir() or path.stat().st_size > MOST:
        yield path
        return
    with path.open("rb") as file, os.fdopen(os.memfd_create(path.name[:200]), "wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
        copy.flush()
        yield OPEN_FILES / str(copy.fileno())
