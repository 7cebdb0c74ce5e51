"""One process alone in a folder for as long as it works, also where the disk has no locks.

There the file `.owner` says who it is: host, pid namespace, process, a random token, and a number that a thread raises
every two seconds. Another process looks whether the number changes, so no two clocks are compared. A file whose process
is dead, or that does not change for a minute, is taken over. An owner that only slept then finds a file that is not its
own, and must ask before it writes.
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

from sla_cli.atomic import is_alive, namespace
from sla_cli.errors import SlaError
from sla_cli.formats.lock import Lock, is_another, locked
from sla_cli.log import log

OWNER = ".owner"
OPEN = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)  # the last: Windows
BEAT, PATIENCE = 2.0, 60.0  # seconds from sign of life to sign of life, and without one until a process counts as dead


@dataclass(frozen=True)
class Hold:
    """A folder that this process alone writes into."""

    lock: Lock
    owner: int | None = None  # the open file

    @property
    def lost(self) -> bool:
        """Whether another process has taken the folder."""
        return self.lock.lost or (self.owner is not None and is_another(self.owner, self.lock.folder / OWNER))

    def check(self) -> None:
        """Raise SlaError where another process has taken the folder."""
        if self.lost:
            raise SlaError(
                f"another process has taken {self.lock.folder}",
                "It was removed, or this process gave no sign of life for a minute; nothing more is written into it.",
            )


@contextmanager
def sole_writer(folder: Path, busy: str, hint: str) -> Iterator[Hold]:
    """Hold a folder, which is made where it is not there. Children do not hold it.

    Args:
        busy, hint: message and hint where another process holds it.

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
            os.close(owner)  # first: Windows removes no file that is open
            if not lost:
                path.unlink(missing_ok=True)


def _claim(path: Path, busy: SlaError) -> tuple[int, str]:
    """The owner's file, open, and what it says without its number. Raises `busy` where another process lives in it."""
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
        except OSError as error:  # the next one may do; who takes the folder meanwhile is found before writing
            log.debug("no sign of life in %s: %s", OWNER, error)


def _write(owner: int, line: str, number: int) -> None:
    os.lseek(owner, 0, os.SEEK_SET)
    os.write(owner, f"{line} {number:012}\n".encode())
    os.fsync(owner)


def _remove_dead(path: Path, busy: SlaError) -> None:
    """Remove an owner's file that nobody keeps. Raises `busy` where somebody does."""
    seen = _read(path)
    if seen is None:
        return
    if not _died_here(seen):
        log.info("%s: waiting for a sign of life, up to %d s", path, PATIENCE)
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
    if _read(aside) != seen:  # another process took it over just now: give it back
        aside.rename(path)
        raise busy
    aside.unlink()


def _read(path: Path) -> str | None:
    """What an owner's file says, None where there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None


def _died_here(owner: str) -> bool:
    """Whether the file is of a process of this host and container that is gone."""
    match owner.split():
        case [host, space, pid, _, _] if pid.isdecimal():
            return (host, space) == (socket.gethostname(), namespace()) and not is_alive(int(pid))
    return False
