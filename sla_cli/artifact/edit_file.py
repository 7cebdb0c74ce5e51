"""Changes a file on the basis of its content, when other programs may change it too."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sla_cli.artifact.lock import NO_LOCKS, fcntl, is_another
from sla_cli.artifact.text import read_bytes, refuse_pipe
from sla_cli.errors import cannot_read
from sla_cli.system.atomic import atomic_write


class _ChangedError(Exception):
    """The file was changed between reading and writing."""


def edit_file(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file by what `change` makes of its content, as a whole; it keeps its permissions, a link stays a link.

    Processes that use this function take turns. If another program has written the file in between, `change` gets the
    new content, so nothing of it is lost.

    Raises:
        SlaError: the file cannot be read or written; or what `change` raises. It is then unchanged.
    """
    refuse_pipe(path)
    path = path.resolve()
    while True:
        try:
            with _turn(path):
                _edit(path, change)
            return
        except _ChangedError:
            continue


def _edit(path: Path, change: Callable[[bytes], bytes]) -> None:
    before = read_bytes(path)
    after = change(before)
    with atomic_write(path, flush=False) as temporary:
        with temporary.open("wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())  # now, so that nothing slow is between the comparison and the renaming
        if read_bytes(path) != before:
            raise _ChangedError


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """Hold a lock on the file itself; on disks without locks there is none, only the comparison of contents."""
    while True:
        try:
            file = path.open("rb")
        except OSError as error:
            raise cannot_read(path, error) from error
        with file:
            if fcntl is not None:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX)
                except OSError as error:
                    if error.errno not in (*NO_LOCKS, errno.EBADF):  # NFS locks only files open for writing
                        raise
            if is_another(file.fileno(), path):  # the previous process has replaced it
                continue
            yield
            return
