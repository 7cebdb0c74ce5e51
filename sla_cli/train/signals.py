"""Signals on which training saves and stops; a cluster sends them before it ends a job."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from sla_cli.errors import Stopped
from sla_cli.system.workers import signals
from sla_cli.work.folder import resume_command

WHILE_TRAINING = signals("SIGTERM", "SIGUSR1")


class StopRequest:
    """Signal handler that stores the signal; 0 as long as there is none.

    Ctrl-C also interrupts at once. Python ignores this if it arrives while an object is deleted, such as a loader's
    workers after each epoch: then training stops as with the other signals.
    """

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise Stopped if a signal was received."""
        if self.signal:
            raise Stopped(self.signal)


def stopped_after(stopped: Stopped, done: str, run: Path) -> Stopped:
    """The same, which says what was done before, and how to continue the run of this folder."""
    name = signal.Signals(stopped.signal).name
    return Stopped(stopped.signal, f"{name}: stopped after {done}; continue with {resume_command(run)}")


@contextmanager
def catching_signals() -> Iterator[StopRequest]:
    """Store signals instead of ending on them. Only the main thread receives signals."""
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    # A background job of a shell ignores Ctrl-C, and must continue to do so.
    interrupt = (signal.SIGINT,) if signal.getsignal(signal.SIGINT) is signal.default_int_handler else ()
    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, stop) for number in (*WHILE_TRAINING, *interrupt)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
