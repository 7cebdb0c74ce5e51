"""Clients that send slowly, or nothing: with the service itself, and limits of a fraction of a second."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra web")

from sla_cli.serve import patience, upload
from sla_cli.serve.jobs import Jobs
from sla_cli.serve.limits import Limits
from sla_cli.serve.metrics import new_metrics
from sla_cli.serve.patience import Impatient
from sla_cli.serve.service import Service
from sla_cli.serve.streams import Streams
from sla_cli.serve.workers import Workers
from sla_cli.web.listen import listening, server

HEAD = b"POST /v1/transcripts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    for module in (patience, upload):
        monkeypatch.setattr(module, "STALL", 0.15)
    monkeypatch.setattr(upload, "GRACE", 0.1)
    limits = Limits(queue=3, upload=10**6, length=60, work=60, memory=1 << 30, keep=100)
    return Jobs(tmp_path / "jobs", limits, 1, lambda state, seconds: None)


@contextmanager
def port_of(jobs: Jobs) -> Iterator[int]:
    """A service without workers."""
    idle = Workers(0, jobs.take, {}, 0, lambda: None)
    application = Service(jobs, Streams(0, lambda: 0), idle, new_metrics(), "").application()
    with listening("127.0.0.1", 0, "") as opened:
        web = server(application, http=Impatient, ws="none")
        thread = Thread(target=web.run, kwargs={"sockets": [opened]})
        thread.start()
        yield int(opened.getsockname()[1])
        web.should_exit = True
        thread.join()


def answer(client: socket.socket) -> bytes:
    """All up to the end of the connection."""
    client.settimeout(30)
    found = b""
    while piece := client.recv(1000):
        found += piece
    return found


@pytest.mark.parametrize("asked", [False, True], ids=["first", "further"])
@pytest.mark.parametrize("begin", [b"", b"GET /"])
def test_a_head_that_does_not_come_ends_the_connection(jobs: Jobs, asked: bool, begin: bytes) -> None:
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        if asked and begin:  # without a byte, uvicorn itself ends it
            client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(10_000).startswith(b"HTTP/1.1 503")
        client.sendall(begin)
        assert answer(client) in (b"", b'{"status":"starting","workers":0,"waiting":0,"live":0,"contact":""}')


def test_a_body_that_stops_is_refused(jobs: Jobs) -> None:
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HEAD + b"some")
        assert answer(client).startswith(b"HTTP/1.1 408")
        assert jobs.taken == 0 and not list(jobs.folder.iterdir())


def test_a_body_that_trickles_is_refused(jobs: Jobs) -> None:
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HEAD)
        client.setblocking(False)
        for _ in range(100):
            try:
                client.send(b"x")
                if (found := client.recv(1000)).startswith(b"HTTP/1.1 408"):
                    break
            except BlockingIOError:
                time.sleep(0.02)
        assert b"more slowly than" in found
        assert jobs.taken == 0 and not list(jobs.folder.iterdir())
