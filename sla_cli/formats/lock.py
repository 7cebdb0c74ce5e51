"""A lock on a folder that one process at a time may write into."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.log import log


@contextmanager
def locked(folder: Path, busy: str, *, wait: bool) -> Iterator[None]:
    """Hold a folder, which is made where it is not there.

    Args:
        busy: what to say where another process holds it.
        wait: until it is free; otherwise that is an error.

    Raises:
        SlaError: another process holds it and `wait` is off, or the folder cannot be made.
    """
    while True:
        handle = _open(folder)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                os.close(handle)
                raise SlaError(busy, "Wait for it, or name another --work folder.") from error
            log.info("%s: waiting for it", busy)
            fcntl.flock(handle, fcntl.LOCK_EX)
        if folder.is_dir() and os.fstat(handle).st_ino == folder.stat().st_ino:
            break
        os.close(handle)  # the process before has finished and removed the folder
    try:
        yield
    finally:
        os.close(handle)


def _open(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise SlaError(f"cannot write {folder}: {error.strerror}", "Choose another folder with --work.") from error
