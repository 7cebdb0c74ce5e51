"""Connections on which no request comes are closed: each takes a place."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sla_cli.serve.body import sends_body
from sla_cli.serve.limits import STALL


class Impatient(H11Protocol):
    """HTTP of uvicorn, which itself waits for ever for the head of a request."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            _stop(self._waiting)

    def on_response_complete(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:  # `Body` has waited for it
            self.transport.close()
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        _stop(self._waiting)
        super().connection_lost(exc)

    def _should_upgrade(self) -> bool:
        """Whether it asks for a WebSocket; with a body the library would never answer it (RFC 6455, section 4.1)."""
        return self._get_upgrade() == b"websocket" and self.scope["method"] == "GET" and not sends_body(self.headers)

    def _wait(self) -> None:
        _stop(self._waiting)
        self._waiting = self.loop.call_later(STALL, self.transport.close)


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
