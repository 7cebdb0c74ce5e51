"""Work in a separate process, with limits of memory and time, that reports the outcome of each piece."""

from __future__ import annotations

import logging
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sla_cli.errors import SlaError
from sla_cli.log import log

MEMORY = 1 << 30  # bytes that reading may add to the process
SECONDS = 5.0  # seconds of processor time for an input
WAIT = 300.0  # seconds of wall-clock time, for processes that wait without working
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.chmod", "os.truncate"}


@dataclass(frozen=True)
class Report:
    """The report on one piece: its number, the outcome from `work`, or `refused` or `finding`, and the detail."""

    number: int
    outcome: str
    detail: str = ""


def batch(
    work: Callable[[int], tuple[str, str]], box: Path, numbers: range, until: float = float("inf")
) -> Iterator[Report]:
    """Do pieces of work, one after the other, until a time of the monotonic clock; one that ends it is reported.

    Args:
        work: returns outcome and detail for a number. It runs in `box`/work.
        box: writes anywhere else are findings.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _work_all(work, box, numbers, until, theirs)
    os.close(theirs)
    number, rest = numbers.start, b""
    with os.fdopen(ours, "rb", 0) as pipe:
        while select.select([pipe], [], [], WAIT)[0]:
            if not (data := pipe.read(1 << 16)):
                break
            *lines, rest = (rest + data).split(b"\0")
            for line in lines:
                outcome, detail = line.decode().split("\t", 1)
                yield Report(number, outcome, detail)
                number += 1
        else:
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if status:
        ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"exit {status >> 8}"
        why = {"SIGPROF": f"no end after {SECONDS:g} s of work", "SIGKILL": f"no end within {WAIT:g} s"}
        yield Report(number, "finding", why.get(ended, f"the process ended by {ended}"))


def _work_all(work: Callable[[int], tuple[str, str]], box: Path, numbers: range, until: float, pipe: int) -> NoReturn:
    """The work of the child; it never returns."""
    try:
        _confine(box)
        for number in numbers:
            outcome, detail = _outcome(work, number, box)
            os.write(pipe, f"{outcome}\t{detail}".replace("\0", "\\0").encode("utf-8", "replace") + b"\0")
            if time.monotonic() > until:
                break
    except BaseException:  # noqa: BLE001 - an error of the fuzzer itself ends it
        traceback.print_exc(file=sys.__stderr__)
        os._exit(3)
    os._exit(0)


def _outcome(work: Callable[[int], tuple[str, str]], number: int, box: Path) -> tuple[str, str]:
    before = _around(box)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        outcome, detail = work(number)
    except SlaError as error:
        outcome, detail = "refused", ""
        try:
            f"{error.message} {error.hint}".encode()
        except UnicodeEncodeError:
            outcome, detail = "finding", "a message that cannot be printed"
    except BaseException as error:  # noqa: BLE001 - any exception is a finding
        outcome, detail = "finding", _told(error)
    signal.setitimer(signal.ITIMER_PROF, 0)
    if _around(box) != before:
        outcome, detail = "finding", f"files outside the work folder: {_around(box) ^ before}"
    return outcome, detail


def _told(error: BaseException) -> str:
    """The exception and the last line of sla's own code, which are the same for findings with the same cause."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "sla_cli" in one.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else "?"
    return f"{type(error).__name__} at {place}: {str(error)[:300]}"


def _around(box: Path) -> set[str]:
    return {entry.name for entry in os.scandir(box)} | {entry.name for entry in os.scandir(box.parent)}


def _confine(box: Path) -> None:
    """Limits of memory and files, a folder for temporary files, and a check of written files."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY, MEMORY))
    os.chdir(box / "work")
    tempfile.tempdir = str(box / "tmp")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    log.handlers[:], log.propagate = [_Encoded()], False
    log.setLevel(logging.WARNING)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            name, _, flags = arguments
            changed = name if isinstance(flags, int) and flags & WRITING else None
        else:
            changed = arguments[0] if event in CHANGES else None
        if isinstance(changed, str | bytes | os.PathLike) and not _inside(Path(os.fsdecode(changed)), box):
            raise PermissionError(f"writes outside the work folder: {os.fsdecode(changed)}")

    sys.addaudithook(watch)


def _inside(path: Path, box: Path) -> bool:
    return Path(os.path.abspath(path)).is_relative_to(box) or str(path) == os.devnull  # noqa: PTH100 - no links followed


class _Encoded(logging.Handler):
    """Warnings must be printable with any names in them."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage().encode()
