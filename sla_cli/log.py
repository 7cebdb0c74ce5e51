"""Logs and progress on stderr; stdout is for results. Plain lines where stderr is not a terminal."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from sla_cli.errors import in_line

log = logging.getLogger("sla")
SECONDS_BETWEEN_LINES = 15.0
ONCE = {"once": True}  # `extra` of a message that a command writes only once


class Advance(Protocol):
    """Called when work is done: the amount done since the last call, a few words to show next to the bar, and the total
    if it was not known at the start."""

    def __call__(self, amount: int = 1, note: str = "", total: int | None = None) -> None: ...


def setup(verbosity: int = 0) -> None:
    """Send logs to stderr. verbosity: -1 warnings only, 0 normal, 1 everything. NO_COLOR is honoured by rich."""
    log.handlers[:] = [_Handler()]
    log.setLevel({-1: logging.WARNING, 0: logging.INFO}.get(verbosity, logging.DEBUG))
    log.propagate = False


class _Handler(logging.Handler):
    """Writes through rich, so that log lines and a progress bar do not disturb each other.

    Each command has its own: of equal messages with `extra=ONCE`, it writes the first.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        from rich.console import Console
        from rich.text import Text

        message = record.getMessage()
        if getattr(record, "once", False):
            if message in self._said:
                return
            self._said.add(message)
        style = {logging.WARNING: "yellow", logging.ERROR: "red"}.get(record.levelno, "")
        prefix = f"{record.levelname.lower()}: " if style else ""
        Console(stderr=True, soft_wrap=True).print(Text(prefix + in_line(message), style=style))


@contextmanager
def progress(what: str, total: int | None, unit: str = "clips") -> Iterator[Advance]:
    """Show the progress of work, its rate and the time left: a bar on a terminal, otherwise a line from time to time.

    Args:
        total: total amount of work; None if it is not known.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    what, console = in_line(what), Console(stderr=True)
    if not log.isEnabledFor(logging.INFO):
        yield lambda amount=1, note="", total=None: None
        return
    if not console.is_terminal:
        yield _lines(what, total, unit)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", table_column=Column()),  # wraps if the terminal is narrow
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total, rate="", note="")

        def advance(amount: int = 1, note: str = "", total: int | None = None) -> None:
            speed = bar.tasks[0].speed
            bar.update(task, total=total, advance=amount, rate=f"{speed:.1f} {unit}/s" if speed else "", note=note)

        yield advance


def _lines(what: str, total: int | None, unit: str) -> Advance:
    start = last = time.monotonic()
    done, whole = 0, total

    def advance(amount: int = 1, note: str = "", total: int | None = None) -> None:
        nonlocal done, last, whole
        done, whole = done + amount, total or whole
        now = time.monotonic()
        if now - last < SECONDS_BETWEEN_LINES:
            return
        last = now
        rate = done / (now - start)
        of = f" of {whole}" if whole else ""
        left = f", {(whole - done) / rate:.0f} s left" if whole and rate else ""
        log.info("%s: %d%s, %.1f %s/s%s %s", what, done, of, rate, unit, left, note)

    return advance


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Drop what libraries write directly to file descriptor 2."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
