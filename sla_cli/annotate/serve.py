"""Runs the page's server on this machine only, and opens the browser."""

from __future__ import annotations

import secrets
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from starlette.types import ASGIApp

from sla_cli.annotate.guard import Guard
from sla_cli.web.listen import listening, run, server

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
    with listening(HOST, port, "Leave out --port, and a free one is used.") as opened:
        port, token = opened.getsockname()[1], secrets.token_urlsafe(32)
        address = f"http://{HOST}:{port}/{token}/"
        tell(address)
        with _browser(address) if browser else nullcontext():
            run(server(Guard(app, token, port), ws="none"), opened)


@contextmanager
def _browser(address: str) -> Iterator[None]:
    """Open the address through a file that only this user can read: others see the arguments of processes."""
    with tempfile.NamedTemporaryFile("w", prefix="sla-annotate-", suffix=".html", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={address}">')
        file.flush()
        webbrowser.open(Path(file.name).as_uri())
        yield
