"""Runs the page's server on this machine only, and opens the browser."""

from __future__ import annotations

import secrets
import socket
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from sla_cli.annotate.guard import Guard
from sla_cli.errors import SlaError

HOST = "127.0.0.1"


def serve(app: ASGIApp, port: int, tell: Callable[[str], object], *, browser: bool) -> None:
    """Serve until Ctrl-C.

    Args:
        port: 0 is any free one.
        tell: called with the address when it can be opened; it holds a secret.
        browser: whether to open it.

    Raises:
        SlaError: the port is used by another program.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SlaError(
                f"port {port} cannot be used: {error}", "Leave out --port, and a free one is used."
            ) from error
        listening.listen()
        port, token = listening.getsockname()[1], secrets.token_urlsafe(32)
        address = f"http://{HOST}:{port}/{token}/"
        config = uvicorn.Config(
            Guard(app, token, port),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        tell(address)
        with _browser(address) if browser else _nothing():
            uvicorn.Server(config).run(sockets=[listening])


@contextmanager
def _browser(address: str) -> Iterator[None]:
    """Open the address through a file that only this user can read: others see the arguments of processes."""
    with tempfile.NamedTemporaryFile("w", prefix="sla-annotate-", suffix=".html", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">')
        file.flush()
        webbrowser.open(Path(file.name).as_uri())
        yield


@contextmanager
def _nothing() -> Iterator[None]:
    yield
