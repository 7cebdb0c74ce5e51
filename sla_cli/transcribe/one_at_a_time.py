"""Lets one call at a time use a recognizer."""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar
from typing import Never

from sla_cli.errors import SlaError

# Of the recognizers whose calls are running here. A context, since a call reads its pictures in a thread of its own.
_RUNNING: ContextVar[frozenset[int]] = ContextVar("running", default=frozenset())


class OneAtATime:
    """A lock for `with`: other threads wait.

    Raises:
        SlaError: it is held by a call that runs this code, such as a function that it was given, or this process is a
            fork of the one that made it: both would wait for ever. Or it is copied, or sent to another process.
    """

    def __init__(self) -> None:
        self._lock, self._process = threading.Lock(), os.getpid()

    def __enter__(self) -> None:
        if self._process != os.getpid():  # it has none of the threads that compute
            message = "the recognizer was opened in another process, of which this one is a fork"
            raise SlaError(message, "Open it in each process after the fork, or start processes with spawn.")
        if id(self) in _RUNNING.get():
            message = "the recognizer is used by a function that one of its own calls runs"
            raise SlaError(message, "Call it before or after, or open a second one.")
        self._lock.acquire()
        self._token = _RUNNING.set(_RUNNING.get() | {id(self)})

    def __exit__(self, *error: object) -> None:
        _RUNNING.reset(self._token)
        self._lock.release()

    def __reduce__(self) -> Never:
        message = "a recognizer, or a stream of it, cannot be copied, nor sent to another process"
        raise SlaError(message, "Share it among threads, and open it in each process.")
