"""Connections are bounded in number and in time: each takes an open file of the process."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from sla_cli.serve.body import sends_body
from sla_cli.serve.limits import STALL, TAKE


class Impatient(H11Protocol):
    """HTTP of uvicorn, which itself waits for ever for the head of a request, and for a client to take its answer.

    Args:
        most: connections at once, WebSockets too. For a further one, the oldest that waits for no answer is cut.
    """

    _waiting: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None
    _begun = 0.0
    cut = False

    def __init__(self, *arguments: Any, most: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._most = most

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # `pause_writing` is called for a single byte that is not taken
        self._begun = self.loop.time()
        self._wait()
        here = [one for one in self.connections if not getattr(one, "cut", False)]
        if len(here) > self._most:
            free = [one for one in here if isinstance(one, Impatient) and one._waits_for_no_answer]
            min(free, key=lambda one: one._begun)._cut()  # this one, if all others wait

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

    def send_400_response(self, msg: str) -> None:
        """End a connection on which something else than HTTP came, with an answer if none has begun."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # h11 takes nothing more of its answer
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(TAKE, self._cut)

    def resume_writing(self) -> None:
        super().resume_writing()
        _stop(self._taking)

    def connection_lost(self, exc: Exception | None) -> None:
        _stop(self._waiting)
        _stop(self._taking)
        super().connection_lost(exc)

    @property
    def _waits_for_no_answer(self) -> bool:
        return self.cycle is None or self.cycle.response_started

    def _should_upgrade(self) -> bool:
        """Whether it asks for a WebSocket; with a body the library would never answer it (RFC 6455, section 4.1)."""
        return self._get_upgrade() == b"websocket" and self.scope["method"] == "GET" and not sends_body(self.headers)

    def _wait(self) -> None:
        _stop(self._waiting)
        self._waiting = self.loop.call_later(STALL, self.transport.close)

    def _cut(self) -> None:
        self.cut = True
        self.transport.abort()


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
