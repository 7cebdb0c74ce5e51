"""Reads the rest of a request that is answered early: a connection closed before takes the answer with it.

A client that sends a video reads the answer when it has sent; TCP resets a connection that is closed with unread
bytes, and the client sees an error of the network instead (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER = 20.0  # seconds for which a refused body is read
PAUSE = 2.0  # seconds without a byte of it


@dataclass
class Lingering:
    """Serves `app`, and reads what it leaves of a body before its answer ends."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive, more=scope["type"] == "http" and _sends(scope))

        async def ending(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False) and body.more:
                await send({**message, "more_body": True})
                await body.read_rest()
                message = {"type": "http.response.body"}
            await send(message)

        await self.app(scope, body.receive, ending)


@dataclass
class _Body:
    _receive: Receive
    more: bool

    async def receive(self) -> Message:
        message = await self._receive()
        self.more = self.more and bool(message.get("more_body", False))
        return message

    async def read_rest(self) -> None:
        try:
            async with asyncio.timeout(LINGER):
                while self.more:
                    await asyncio.wait_for(self.receive(), PAUSE)
        except TimeoutError:
            return


def _sends(scope: Scope) -> bool:
    """Whether a body comes. A client that expects leave to send it sends none after a refusal."""
    names = {name for name, _ in scope["headers"]}
    return bool(names & {b"content-length", b"transfer-encoding"}) and b"expect" not in names
