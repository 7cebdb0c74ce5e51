"""The work folder's disk: whether it is writable, has locks, and how much of it is free."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.core.arguments import as_path
from sla_cli.core.quantities import Count
from sla_cli.errors import SlaError


@dataclass(frozen=True)
class Place:
    """Where artifacts would be written.

    Attributes:
        folder: path of the work folder as given; it need not exist
        writable: whether it can be written to, or the folder in which it would be created
        locks: whether file locks work; null if it is not writable
        free: free space on its disk in bytes
    """

    folder: Path
    writable: bool
    locks: bool | None
    free: Count


def look_at(folder: Path) -> Place:
    """Test a work folder without creating it. A test folder is created in it and removed."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():  # a file, or a link that leads nowhere
        return Place(folder, False, None, shutil.disk_usage(there.parent).free)
    free = shutil.disk_usage(there).free
    try:
        as_path(folder.absolute(), "the work folder")  # a name that is too long does not exist either
        with tempfile.TemporaryDirectory(prefix=".sla-doctor-", dir=there) as trial:
            return Place(folder, os.access(there, os.W_OK), _lock_holds(Path(trial)), free)
    except (OSError, SlaError):
        return Place(folder, False, None, free)


def _lock_holds(folder: Path) -> bool:
    """Whether a second attempt to lock a folder is refused."""
    with locked(folder, "held") as lock:
        if not lock.works:
            return False
        try:
            with locked(folder, "held"):
                return False
        except SlaError:
            return True
