"""A lock on a folder that one process at a time may write into: the file `.lock` in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sla_cli.errors import SlaError
from sla_cli.log import log

LOCK = ".lock"


@contextmanager
def locked(folder: Path, busy: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a folder, which is made where it is not there.

    Args:
        busy: the message where another process holds it.
        wait: until it is free; otherwise that is an error.

    Raises:
        SlaError: another process holds it and `wait` is off, or the folder cannot be written.
    """
    while True:
        file = _open(folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                file.close()
                raise SlaError(busy, "Wait for it, or name another --work folder.") from error
            log.info("%s: waiting for it", busy)
            fcntl.flock(file, fcntl.LOCK_EX)
        if (folder / LOCK).is_file() and os.path.samestat(os.fstat(file.fileno()), (folder / LOCK).stat()):
            break
        file.close()  # the process before has finished and removed the folder
    with file:
        yield


def _open(folder: Path) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a")
    except FileNotFoundError:  # the process before has just removed the folder
        return _open(folder)
    except OSError as error:
        raise SlaError(f"cannot write {folder}: {error.strerror}", "Choose another folder with --work.") from error
