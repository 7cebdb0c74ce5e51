"""Lets one call at a time use a recognizer."""

from __future__ import annotations

import os
import threading

from sla_cli.errors import SlaError


class OneAtATime:
    """A lock for `with`: other threads wait. A child process that is forked while it is held does not.

    Raises:
        SlaError: the thread holds it already, as in a function that a call gets: waiting would never end.
    """

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._lock, self._process, self._holder = threading.Lock(), os.getpid(), 0

    def __enter__(self) -> None:
        if self._process != os.getpid():
            self._renew()
        if self._holder == threading.get_ident():
            message = "the recognizer is used by a function that one of its own calls runs"
            raise SlaError(message, "Call it before or after, or open a second one.")
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(self, *error: object) -> None:
        self._holder = 0
        self._lock.release()
