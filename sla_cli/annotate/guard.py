"""Lets only the page of this server in: its address has a secret, and requests of other sites are refused.

Any page that a browser shows can send requests to 127.0.0.1, and any user of the machine can open its ports.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64_000  # of a request's body
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
BYTES = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


@dataclass(frozen=True)
class Guard:
    """Serves `app` below the path `/TOKEN`, to requests whose Host, and for POST Origin and type, are right."""

    app: ASGIApp
    token: str
    port: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *BYTES]
            await send(message)

        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, with_headers)
            return
        path = scope["path"].removeprefix(f"/{self.token}")
        await self.app({**scope, "path": path, "raw_path": path.encode(), "root_path": ""}, receive, with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """The answer to a request that must not be served, None for the others."""
        given: dict[str, str] = {}
        for name, value in scope["headers"]:
            key = name.decode("latin-1").lower()
            if key in given and key in ("host", "origin", "content-type"):
                return _refuse(400, f"two headers {key}")
            given[key] = value.decode("latin-1")
        hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        if given.get("host") not in hosts:
            return _refuse(421, "this server has another name")
        token, slash, _ = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.token.encode()) or not slash:
            return _refuse(403, "this address is not, or not any more, that of sla annotate: it prints the right one")
        if scope["method"] == "POST":
            if given.get("origin") != f"http://{given['host']}":
                return _refuse(403, "requests of other sites are refused")
            if given.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return _refuse(415, "only JSON is accepted")
            length = given.get("content-length", "")
            if not (length.isascii() and length.isdecimal() and len(length) < 9 and int(length) <= MOST_BYTES):
                return _refuse(413, f"only requests of at most {MOST_BYTES} bytes are accepted")
        elif scope["method"] not in ("GET", "HEAD"):
            return _refuse(405, "this method is not served")
        return None


def _refuse(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", status)
