"""Signals that ask training to save and stop, as a cluster sends them before it ends a job."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sla_cli.workers import signals

WHILE_TRAINING = signals("SIGTERM", "SIGUSR1")


class StopRequest:
    """Signal handler that remembers the signal; 0 while none has come.

    Ctrl-C interrupts at once, too. Python swallows that where it comes while an object is deleted, as a loader's
    workers are after each epoch: then training stops as by the others.
    """

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        if number == signal.SIGINT:
            raise KeyboardInterrupt


@contextmanager
def catching_signals() -> Iterator[StopRequest]:
    """Remember signals instead of ending on them. In another thread than the main one none arrive."""
    stop = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    # A job in a shell's background ignores Ctrl-C, and goes on to.
    interrupt = (signal.SIGINT,) if signal.getsignal(signal.SIGINT) is signal.default_int_handler else ()
    before: dict[signal.Signals, Any] = {
        number: signal.signal(number, stop) for number in (*WHILE_TRAINING, *interrupt)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
