"""Signals that ask training to save and stop, as a cluster sends them before it takes the machine away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

WHILE_TRAINING = (signal.SIGTERM, signal.SIGUSR1)


class Stop:
    """Whether a signal has come."""

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.signal = number


@contextmanager
def listening() -> Iterator[Stop]:
    """Take note of signals instead of dying from them; in a thread that is not the main one, none arrive."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before: dict[signal.Signals, Any] = {number: signal.signal(number, stop) for number in WHILE_TRAINING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
