"""Lets only the page of this server in: its address has a secret, and requests of other sites are refused.

Any page that a browser shows can send requests to 127.0.0.1, and any user of the machine can open its ports.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from sla_cli.web.headers import headers_of, local_hosts, refuse, secured

MOST_BYTES = 64_000  # of a request's body


@dataclass(frozen=True)
class Guard:
    """Serves `app` below the path `/TOKEN`, to requests whose Host and Origin, and for POST the type, are right."""

    app: ASGIApp
    token: str
    port: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        refused = self._refusal(scope)
        if refused is not None:
            await refused(scope, receive, secured(send))
            return
        path = scope["path"].removeprefix(f"/{self.token}")
        await self.app({**scope, "path": path, "raw_path": path.encode(), "root_path": ""}, receive, secured(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """The answer to a request that must not be served, None for the others."""
        given = headers_of(scope)
        if isinstance(given, str):
            return refuse(400, f"two headers {given}")
        if given.get("host") not in local_hosts(self.port):
            return refuse(421, "this server has another name")
        token, slash, _ = scope["path"].removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode("utf-8", "replace"), self.token.encode()) or not slash:
            return refuse(403, "this address is not, or not any more, that of sla annotate: it prints the right one")
        own = f"http://{given['host']}"
        if given.get("origin", None if scope["method"] == "POST" else own) != own:
            return refuse(403, "requests of other sites are refused")
        if scope["method"] == "POST":
            if given.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
                return refuse(415, "only JSON is accepted")
            length = "" if "transfer-encoding" in given else given.get("content-length", "")
            if not (length.isascii() and length.isdecimal() and len(length) < 9 and int(length) <= MOST_BYTES):
                return refuse(413, f"only requests of at most {MOST_BYTES} bytes are accepted")
        elif scope["method"] not in ("GET", "HEAD"):
            return refuse(405, "this method is not served")
        return None
