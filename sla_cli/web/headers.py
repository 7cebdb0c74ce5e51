"""Headers of requests and answers that local servers share: browsers are told to trust nothing but the own pages."""

from __future__ import annotations

import msgspec
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Scope, Send

# blob: a page shows a video that a person has chosen
POLICY = "default-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
SECURE = {
    "cache-control": "no-store",
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
HTTP = 80  # the port that browsers do not name
ONCE = ("host", "origin", "content-type", "authorization")
NAMED = ("host", "origin")  # names of machines, in which capitals do not matter
_SECURE = [(name.encode(), value.encode()) for name, value in SECURE.items()]


def secured(send: Send) -> Send:
    """`send`, with the headers of `SECURE` in every answer."""

    async def with_headers(message: Message) -> None:
        if message["type"].endswith("http.response.start"):
            message["headers"] = [*message.get("headers", ()), *_SECURE]
        await send(message)

    return with_headers


def headers_of(scope: Scope) -> dict[str, str] | str:
    """The headers of a request by name in lower case, as are names of machines in them; or the name of one that is
    given twice and must not be."""
    given: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in given and key in ONCE:
            return key
        text = value.decode("latin-1")
        given[key] = text.lower() if key in NAMED else text
    return given


def local_hosts(port: int) -> tuple[str, ...]:
    """The values of Host with which a browser asks this machine; a page of another site that leads its own name to
    this machine has another one."""
    names = ("127.0.0.1", "localhost", "[::1]")
    return (*(f"{name}:{port}" for name in names), *(names if port == HTTP else ()))


def refuse(status: int, text: str) -> PlainTextResponse:
    """An answer that says why a request is not served."""
    return PlainTextResponse(f"{text}\n", status)


def as_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer of JSON."""
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
