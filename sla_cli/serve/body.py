"""The body of a request: each is read in bounded time, and before the answer ends.

A client that sends a video reads the answer when it has sent; TCP resets a connection that is closed with unread
bytes, and the client sees an error of the network instead (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import NoReturn

from starlette.types import Message, Receive, Send

from sla_cli.serve.limits import GRACE, LINGER, SLOWEST, STALL


class RefusedError(Exception):
    """The body is not accepted: a status of HTTP and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass
class Body:
    """What an application gets as `receive` and `send` of ASGI.

    Args:
        coming: whether the client sends a body, or the rest of one.
    """

    coming: bool
    _receive: Receive
    _send: Send
    _read: bool = False
    _kept: bool = False
    _size: int = 0
    _begin: float = field(default_factory=monotonic)

    async def receive(self) -> Message:
        """The next piece. Raises RefusedError if it comes too slowly."""
        if self._read:  # what comes now is the end of the connection
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), STALL)
        except TimeoutError:
            self._refuse(f"no byte came for {STALL:g} seconds")
        self.coming = bool(message.get("more_body", False))
        self._read = not self.coming
        self._size += len(message.get("body", b""))
        took = monotonic() - self._begin
        if self.coming and took > GRACE and self._size < SLOWEST * took:
            self._refuse(f"the video comes more slowly than {SLOWEST:,} bytes a second")
        return message

    async def send(self, message: Message) -> None:
        """Send a part of the answer. The end is kept back while the body comes."""
        if self.coming and message["type"] == "http.response.body" and not message.get("more_body", False):
            self._kept = True
            message = {**message, "more_body": True}
        await self._send(message)

    async def end(self) -> None:
        """Read what the application has left, then end the answer."""
        if self._kept:
            with suppress(TimeoutError, RefusedError):
                async with asyncio.timeout(LINGER):
                    while self.coming:
                        await self.receive()
            await self._send({"type": "http.response.body"})

    def _refuse(self, sentence: str) -> NoReturn:
        self.coming = False  # its rest is not waited for
        raise RefusedError(408, sentence)


def sends_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a body comes. A client that expects leave to send it sends none after a refusal."""
    given = dict(headers)
    return b"expect" not in given and (b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0")
