"""The state folder: uploads, jobs and results, private to the user who runs the service."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sla_cli.artifact.lock import BusyError, locked
from sla_cli.errors import SlaError
from sla_cli.work.output import check_folder

PREFIX, MARK = "sla-serve-", ".temporary"  # MARK is a file in each temporary folder: only these are removed
BUSY, HINT = "another `sla serve` uses this state folder", "Name another folder with --state."


@contextmanager
def state_folder(given: Path | None) -> Iterator[Path]:
    """The folder, which only one service uses; without a given one it is temporary and removed at the end.

    Raises:
        SlaError: another service uses it, it is no folder, it is in an artifact of sla, or it cannot be written.
    """
    if given is not None:
        check_folder(given)
        make_folder(given)
        with locked(given, BUSY, hint=HINT, inherited=False):
            _keep(given.resolve())
            _remove_abandoned()
            yield given
        return
    _remove_abandoned()
    with (
        tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as made,
        locked(Path(made), BUSY, inherited=False),
    ):
        (Path(made) / MARK).touch()
        yield Path(made)


def make_folder(path: Path, *, own: bool = False) -> None:
    """Make a folder of the service, and those that it is in, if it is not there.

    Args:
        own: whether the service names it itself, so that it is not a link.

    Raises:
        SlaError: it cannot be made, is no folder, or cannot be read and written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = "it is not a folder" if os.path.lexists(path) else error.strerror
        raise SlaError(f"cannot make the state folder {path}: {reason}", HINT) from error
    if own and path.is_symlink():
        raise SlaError(f"{path} is a link, which the service does not follow", HINT)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise SlaError(f"{path} cannot be read and written, as the state of the service must be", HINT)


def _keep(given: Path) -> None:
    """Let somebody go on with what a killed service left, or with a folder in it."""
    for folder in (given, *given.parents):
        if folder.name.startswith(PREFIX):
            with suppress(OSError):
                (folder / MARK).unlink()


def _remove_abandoned() -> None:
    """Remove temporary folders of services that were killed: they may hold videos of people."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, BusyError):
            if folder.is_symlink() or not (folder / MARK).is_file():
                continue
            if not hasattr(os, "getuid") or folder.stat().st_uid != os.getuid():
                continue
            with locked(folder, BUSY, inherited=False):
                shutil.rmtree(folder, ignore_errors=True)
