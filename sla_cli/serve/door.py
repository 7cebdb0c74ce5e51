"""Lets in who may ask: by a token, or from this machine only; never a page of another site."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sla_cli.serve.body import Body, sends_body
from sla_cli.serve.limits import CONNECTIONS
from sla_cli.serve.messages import Fault
from sla_cli.web.headers import as_json, headers_of, secured

CLOSED = ("/v1/", "/metrics")  # paths that need the token
PROTOCOL = "sla.token."  # browsers can set no header of a WebSocket, but its protocols


@dataclass
class Door:
    """Serves `app` to requests that may ask.

    Args:
        token: what `Authorization: Bearer` must hold, "" for none.
        hosts: only requests to these hosts are served; none for any.
        counted: called with the status of each answer.
    """

    app: ASGIApp
    token: str
    hosts: tuple[str, ...]
    counted: Callable[[int], object]
    _now: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            body = Body(sends_body(scope["headers"]), receive, send)
            await self._serve(scope, body.receive, body.send)
            await body.end()
        elif scope["type"] == "websocket":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._now += 1
        try:
            refused = self._refusal(scope)
            app = refused or self.app
            await app(scope, receive, secured(self._counting(send)))
        finally:
            self._now -= 1

    def _counting(self, send: Send) -> Send:
        async def counting(message: Message) -> None:
            if message["type"].endswith("http.response.start"):
                self.counted(message["status"])
            await send(message)

        return counting

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that must not be served, None for the others."""
        given = headers_of(scope)
        if isinstance(given, str):
            return fault(400, f"two headers {given}")
        host, origin = given.get("host", ""), given.get("origin")
        if self._now > CONNECTIONS:
            return fault(429, "too many requests at once", {"retry-after": "1"})
        if self.hosts and host not in self.hosts:
            return fault(421, "this server has another name")
        if origin is not None and (not host or origin.partition("://")[2] != host):
            return fault(403, "requests of other sites are refused")
        if self.token and scope["path"].startswith(CLOSED) and not self._knows_token(given):
            return fault(401, "the token is missing or wrong", {"www-authenticate": "Bearer"})
        return None

    def _knows_token(self, given: dict[str, str]) -> bool:
        kind, _, token = given.get("authorization", "").partition(" ")
        offered = token.strip() if kind.lower() == "bearer" else ""
        right = secrets.compare_digest(offered.encode("utf-8", "replace"), self.token.encode())
        protocols = [one.strip() for one in given.get("sec-websocket-protocol", "").split(",")]
        wanted = protocol_of(self.token).encode()
        return right or any(secrets.compare_digest(one.encode("utf-8", "replace"), wanted) for one in protocols)


def protocol_of(token: str) -> str:
    """The protocol of a WebSocket that holds a token, as base64url without padding."""
    return PROTOCOL + base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")


def fault(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says why a request is refused."""
    return as_json(Fault(error=sentence), status, headers)
