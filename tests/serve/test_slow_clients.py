"""Clients that send slowly, or nothing: with the service itself, and limits of a fraction of
a second."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra web")

from sla_cli.serve import body, patience
from sla_cli.serve.door import Door
from sla_cli.serve.jobs import Jobs
from sla_cli.serve.limits import Limits
from sla_cli.serve.metrics import new_metrics
from sla_cli.serve.patience import Impatient
from sla_cli.serve.service import Service
from sla_cli.serve.streams import Streams
from sla_cli.serve.workers import Workers
from sla_cli.web.listen import listening, server

HEAD = b"POST /v1/transcripts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)
CHUNKED = b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
HEALTH = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    for module in (patience, body):
        monkeypatch.setattr(module, "STALL", 0.15)
    monkeypatch.setattr(body, "GRACE", 0.1)
    monkeypatch.setattr(body, "LINGER", 0.3)
    bounds = Limits(queue=3, upload=10**6, length=60, work=60, memory=1 << 30, keep=100)
    return Jobs(tmp_path / "jobs", bounds, 1, lambda state, seconds: None)


@contextmanager
def port_of(jobs: Jobs) -> Iterator[int]:
    """A service without workers."""
    idle = Workers(0, jobs.take, {}, 0, lambda: None)
    application = Service(jobs, Streams(0, lambda: 0), idle, new_metrics(), "").application()
    with listening("127.0.0.1", 0, "") as opened:
        web = server(Door(application, "", (), lambda status: None), http=Impatient)
        thread = Thread(target=web.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield int(opened.getsockname()[1])
        finally:
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
        if asked:
            client.sendall(HEALTH)
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


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /health" + CHUNKED, 503), (b"POST /nowhere" + CHUNKED, 404),
        (b"DELETE /v1/transcripts/x" + CHUNKED, 404), (b"POST /v1/live" + CHUNKED + UPGRADE, 404),
        (b"GET /v1/live" + CHUNKED + UPGRADE, 404), (b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n", 503),
    ],
)  # fmt: skip
@pytest.mark.parametrize("piece", [b"", b"1\r\na\r\n"])
def test_a_body_that_nobody_wants_is_not_waited_for(jobs: Jobs, head: bytes, status: int, piece: bytes) -> None:
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(10)
        client.sendall(head + b"\r\n")
        found = client.recv(10_000)
        assert found.startswith(b"HTTP/1.1 %d" % status)
        client.settimeout(0.05)
        for _ in range(200):
            try:
                client.sendall(piece)
                if not client.recv(10_000):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        else:
            pytest.fail("the connection is still open")
