"""Lets only one process at a time work in a folder, also if the disk has no locks.

On such a disk the file `.owner` identifies the process: host, pid namespace, process, a random token, and a number that
a thread increases every two seconds. Another process checks whether the number changes, so clocks are not compared. A
file whose process is dead, or that does not change for a minute, is taken over. An owner that was only suspended then
finds a file that is not its own, so it must check this before it writes.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Event, Thread

from sla_cli.artifact.lock import Lock, is_another, locked
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.system.atomic import is_alive, namespace

OWNER = ".owner"
OPEN = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # the last is for Windows
BEAT, PATIENCE = 2.0, 60.0  # seconds between changes of the number, and without a change until a process counts as dead


@dataclass(frozen=True)
class Hold:
    """A folder that only this process writes into."""

    lock: Lock
    owner: int | None = None  # the open file

    @property
    def lost(self) -> bool:
        """Whether another process has taken the folder."""
        return self.lock.lost or (self.owner is not None and is_another(self.owner, self.lock.folder / OWNER))

    def check(self) -> None:
        """Raise SlaError if another process has taken the folder."""
        if self.lost:
            raise SlaError(
                f"another process has taken {self.lock.folder}",
                "It was removed, or this process was suspended for a minute; nothing more is written into it.",
            )


@contextmanager
def sole_writer(folder: Path, busy: str, hint: str) -> Iterator[Hold]:
    """Lock a folder, which is created if it does not exist. Children do not hold it.

    Args:
        busy, hint: message and hint if another process holds it.

    Raises:
        SlaError: another process holds it, or the folder cannot be written.
    """
    path = folder / OWNER
    with locked(folder, busy, hint=hint, inherited=False) as lock:
        if lock.works and not path.exists():
            yield Hold(lock)
            return
        owner, line = _claim(path, SlaError(busy, hint))
        ended = Event()
        beats = Thread(target=_beat, args=(owner, line, ended), daemon=True)
        beats.start()
        hold = Hold(lock, owner)
        try:
            yield hold
        finally:
            ended.set()
            beats.join()
            lost = hold.lost
            os.close(owner)  # first: Windows cannot remove an open file
            if not lost:
                path.unlink(missing_ok=True)


def _claim(path: Path, busy: SlaError) -> tuple[int, str]:
    """The owner's file, open, and its content without the number. Raises `busy` if another process uses the folder."""
    while True:
        try:
            owner = os.open(path, OPEN, 0o666)
        except FileExistsError:
            _remove_dead(path, busy)
            continue
        line = f"{socket.gethostname()} {namespace()} {os.getpid()} {secrets.token_hex(8)}"
        _write(owner, line, 0)
        return owner, line


def _beat(owner: int, line: str, ended: Event) -> None:
    for number in count(1):
        if ended.wait(BEAT):
            return
        try:
            _write(owner, line, number)
        except OSError as error:  # the next attempt may succeed; a loss of the folder is noticed before writing
            log.debug("cannot update the number in %s: %s", OWNER, error)


def _write(owner: int, line: str, number: int) -> None:
    os.lseek(owner, 0, os.SEEK_SET)
    os.write(owner, f"{line} {number:012}\n".encode())
    os.fsync(owner)


def _remove_dead(path: Path, busy: SlaError) -> None:
    """Remove an owner's file that no process updates. Raises `busy` if one does."""
    seen = _read(path)
    if seen is None:
        return
    if not _died_here(seen):
        log.info("%s: checking whether it is still running, up to %d s", path, PATIENCE)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            time.sleep(BEAT / 4)
            now = _read(path)
            if now is None:
                return
            if now != seen:
                raise busy
    aside = path.with_name(f"{path.name}-{secrets.token_hex(8)}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) != seen:  # another process has just taken it over: give it back
        aside.rename(path)
        raise busy
    aside.unlink()


def _read(path: Path) -> str | None:
    """The content of an owner's file, None if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _died_here(owner: str) -> bool:
    """Whether the file belongs to a process of this host and container that has ended."""
    match owner.split():
        case [host, space, pid, _, _] if pid.isdecimal():
            return (host, space) == (socket.gethostname(), namespace()) and not is_alive(int(pid))
    return False
