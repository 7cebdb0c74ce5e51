"""What a folder has."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def listed(folder: Path, pattern: str) -> list[Path]:
    """As `Path.glob`, which would take a folder that cannot be read as empty.

    Raises OSError for such a folder; one that does not exist has nothing.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        os.scandir(folder).close()
    return list(folder.glob(pattern))
