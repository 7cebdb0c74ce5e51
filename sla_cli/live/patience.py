"""Connections of HTTP that are given up if too little comes for too long, a byte now and then included."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any, Self

BLIND = 20.0  # seconds of data without a picture: longer than the distance of two key frames of any camera


class ImpatientError(TimeoutError):
    """Too little came in `BLIND` seconds."""


class Patience:
    """Counts the seconds that somebody waits, as a context manager; those between waits do not count."""

    def __init__(self) -> None:
        self._waited, self._since = 0.0, 0.0

    def renew(self) -> None:
        """What was waited for has come."""
        self._waited, self._since = 0.0, time.monotonic()

    def check(self) -> None:
        """Raise ImpatientError if it was waited for too long."""
        if self._waited + time.monotonic() - self._since > BLIND:
            raise ImpatientError(f"{BLIND:g} s")

    def __enter__(self) -> Self:
        self._since = time.monotonic()
        self.check()
        return self

    def __exit__(self, *error: object) -> None:
        self._waited += time.monotonic() - self._since


class _Reader(io.RawIOBase):
    """What a socket gives, with a check at each arrival: a line of a header may come byte by byte."""

    def __init__(self, raw: io.RawIOBase, patience: Patience) -> None:
        self._raw, self._patience = raw, patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._patience.check()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Socket:
    """A socket whose files are checked."""

    def __init__(self, own: socket.socket, patience: Patience) -> None:
        self._own, self._patience = own, patience

    def makefile(self, *_: object) -> io.BufferedReader:
        """For reading bytes, which is all that http.client asks for."""
        return io.BufferedReader(_Reader(self._own.makefile("rb", buffering=0), self._patience))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


class HttpConnection(http.client.HTTPConnection):
    """With `patience` for all that it reads."""

    def __init__(self, *arguments: Any, patience: Patience, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience = patience

    def connect(self) -> None:
        super().connect()
        self.sock: Any = _Socket(self.sock, self._patience)


class HttpsConnection(HttpConnection, http.client.HTTPSConnection):
    """As `HttpConnection`, encrypted."""
