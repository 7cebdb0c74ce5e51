"""A lock on a folder that processes write into: the file `.lock` in it.

Many network disks have no locks. Nothing is refused there, since files are replaced as a whole: the user must only take
care that no two processes write at the same time. `sole_writer` prevents this on such disks too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TextIO
from weakref import WeakSet

from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.system.atomic import ELSEWHERE, HINTS
from sla_cli.system.interrupt import uninterrupted

try:
    import fcntl
except ImportError:  # Windows: no locks, as on many network disks
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)  # NFS, Lustre, FUSE
HINT = "Wait for it, or name another folder for the result."


class BusyError(SlaError):
    """Another process holds a folder."""


@dataclass(frozen=True)
class Lock:
    """A folder that this process has locked.

    Attributes:
        works: whether the disk has locks: without them other processes may hold it too.
    """

    folder: Path
    file: TextIO
    works: bool

    @property
    def lost(self) -> bool:
        """Whether another process holds a folder of this name, which was removed and made again."""
        return is_another(self.file.fileno(), self.folder / LOCK)

    def is_alone(self) -> bool:
        """Whether no other process shares the lock; at the end only, as it may be lost by this."""
        if fcntl is None or not self.works:
            return False
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


@contextmanager
def locked(
    folder: Path, busy: str, *, hint: str = HINT, wait: bool = False, shared: bool = False, inherited: bool = True
) -> Iterator[Lock]:
    """Lock a folder, which is created if it does not exist. If the disk has no locks, this gives a warning.

    Args:
        busy, hint: message and hint if another process holds it.
        wait: wait until it is free; otherwise raise an error.
        shared: share it with other processes that do so; otherwise hold it exclusively.
        inherited: forked children hold it as long as they run, also if this process is killed.

    Raises:
        BusyError: another process holds it and `wait` is off.
        SlaError: the folder cannot be written.
    """
    while True:
        file = _open(folder)
        try:
            held = _hold(file, folder, BusyError(busy, hint), wait, shared)
        except BaseException:
            file.close()
            raise
        if _is_of(file, folder):
            break
        file.close()  # the previous process has finished and removed the folder
    if not held:
        log.warning("the disk of %s has no file locks: do not let two commands write into it at once", folder)
    if not inherited:
        _OWN.add(file)
    with file:
        yield Lock(folder, file, held)


@contextmanager
def locked_while_made(folder: Path, busy: str, *, wait: bool = False, shared: bool = False) -> Iterator[None]:
    """Lock a folder as `locked` does, and remove it at the end if it is empty, with the empty folders made for it.

    A folder that somebody made before stays, without the lock if it is empty or the block fails. If the lock is shared,
    the last process removes them.
    """
    hidden = folder.name.startswith(".")  # only sla makes it; another process may be at its removal
    of_others = not hidden and folder.is_dir() and not (folder / LOCK).exists()
    made = [] if of_others else [folder, *takewhile(lambda parent: not parent.exists(), folder.parents)]
    with ExitStack() as stack:
        lock, failed = None, True
        try:
            # An interrupt that comes now is raised when it is known what to remove.
            with uninterrupted(), suppress(BusyError) if wait else nullcontext():
                lock = stack.enter_context(locked(folder, busy, shared=shared))
            if lock is None:
                lock = stack.enter_context(locked(folder, busy, wait=True, shared=shared))
            yield
            failed = False
        finally:
            with uninterrupted():
                held = [path.name for path in folder.iterdir()] if lock and folder.is_dir() and not lock.lost else []
                unused = held == [LOCK] or (of_others and failed and LOCK in held)
                if lock and unused and (not shared or lock.is_alone()):
                    (folder / LOCK).unlink()
                    with suppress(OSError):  # not empty
                        for path in made:
                            path.rmdir()


def is_another(handle: int, path: Path) -> bool:
    """Whether a path now leads to another file than the open one; False if it leads nowhere."""
    try:
        there = path.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESTALE):
            raise
        return False
    try:
        return not os.path.samestat(os.fstat(handle), there)
    except OSError as error:
        if error.errno != errno.ESTALE:  # another host has removed it, and the path leads to a new file
            raise
        return True


_OWN: WeakSet[TextIO] = WeakSet()  # lock files that children must not hold


def _let_go() -> None:
    """In a child: closing its copy does not release the parent's lock."""
    for file in list(_OWN):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _open(folder: Path, tries: int = 100) -> TextIO:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / LOCK).open("a+")  # a shared lock on NFS needs a file that is open for reading
    except OSError as error:
        # The previous process has just removed the folder; in the middle of mkdir, this says that it exists.
        if isinstance(error, FileNotFoundError | FileExistsError) and tries:
            return _open(folder, tries - 1)
        reason = "it is not a folder" if isinstance(error, FileExistsError) else error.strerror
        raise SlaError(f"cannot write {folder}: {reason}", f"{HINTS.get(error.errno, ELSEWHERE)}.") from error


def _hold(file: TextIO, folder: Path, busy: SlaError, wait: bool, shared: bool) -> bool:
    """Whether the file is locked now: False if the disk has no locks."""
    if fcntl is None:
        return False
    how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise busy from error
            log.info("%s: waiting until it is free", busy.message)
            fcntl.flock(file, how)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise SlaError(
                f"cannot lock {folder / LOCK}: {error.strerror}", "Try again, or use a folder of another disk."
            ) from error
        return False
    return True


def _is_of(file: TextIO, folder: Path) -> bool:
    """Whether the open lock file is the one that is now in the folder."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), (folder / LOCK).stat())
    except FileNotFoundError:
        return False
