"""A socket that is open before an address is shown, and the server on it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from sla_cli.errors import SlaError, Stopped


@contextmanager
def listening(host: str, port: int, hint: str) -> Iterator[socket.socket]:
    """A socket at an address; port 0 is any free one.

    Raises:
        SlaError: the address is not of this machine, or the port is used by another program; with `hint`.
    """
    fault = f"{host}, port {port}, cannot be used"
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        opened = socket.socket(family)
    except UnicodeError as error:
        raise SlaError(f"{fault}: no machine can have this name", hint) from error
    except OSError as error:
        raise SlaError(f"{fault}: {error.strerror}", hint) from error
    with opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind(address)
        except OSError as error:
            raise SlaError(f"{fault}: {error.strerror}", hint) from error
        opened.listen()
        yield opened


def server(app: ASGIApp, **settings: Any) -> uvicorn.Server:
    """A server without log of requests, which would show people's addresses; `settings` as of `uvicorn.Config`."""
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    always: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "proxy_headers": False}
    return uvicorn.Server(uvicorn.Config(app, lifespan="off", timeout_graceful_shutdown=1, **always, **settings))


def run(server: uvicorn.Server, opened: socket.socket) -> None:
    """Serve until a signal; Ctrl-C is the usual end of a server, so nothing is said of it. Raises Stopped."""
    try:
        server.run(sockets=[opened])
    except KeyboardInterrupt as error:
        raise Stopped(signal.SIGINT) from error


def _is_fault(record: logging.LogRecord) -> bool:
    """Whether it is an exception: other lines are about what clients send, or requests that the end cuts."""
    return record.exc_info is not None and not isinstance(record.exc_info[1], asyncio.CancelledError)
