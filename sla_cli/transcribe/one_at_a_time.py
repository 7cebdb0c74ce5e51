"""Lets one call at a time use a recognizer."""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar

from sla_cli.errors import SlaError

# Of the recognizers whose calls are running here. A context, since a call reads its pictures in a thread of its own.
_RUNNING: ContextVar[frozenset[int]] = ContextVar("running", default=frozenset())


class OneAtATime:
    """A lock for `with`: other threads wait. A child process that is forked while it is held does not.

    Raises:
        SlaError: it is held by a call that runs this code, such as a function that it was given: waiting would never
            end.
    """

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._lock, self._process = threading.Lock(), os.getpid()

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._renew()
        if id(self) in _RUNNING.get():
            message = "the recognizer is used by a function that one of its own calls runs"
            raise SlaError(message, "Call it before or after, or open a second one.")
        self._lock.acquire()
        self._token = _RUNNING.set(_RUNNING.get() | {id(self)})

    def __exit__(self, *error: object) -> None:
        _RUNNING.reset(self._token)
        self._lock.release()
