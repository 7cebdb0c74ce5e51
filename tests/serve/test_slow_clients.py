"""Clients that send slowly, damaged or nothing, or take no answer: with the service itself, and limits of a fraction of
a second."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra web")

from sla_cli.errors import SlaError
from sla_cli.serve import body, limits, patience
from sla_cli.serve.door import Door
from sla_cli.serve.job import Job
from sla_cli.serve.jobs import Jobs
from sla_cli.serve.limits import BACKLOG, CONNECTIONS, OPEN, Limits, share_of_files
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
    for module in (patience, body):  # a test that waits for one of them makes it short: this machine may be slow
        monkeypatch.setattr(module, "STALL", 100)
    monkeypatch.setattr(body, "GRACE", 0.1)
    monkeypatch.setattr(body, "LINGER", 0.3)
    monkeypatch.setattr(patience, "TAKE", 0.3)
    bounds = Limits(queue=3, upload=10**6, length=60, work=60, memory=1 << 30, keep=100)
    return Jobs(tmp_path / "jobs", bounds, 1, lambda state, seconds: None)


@contextmanager
def port_of(jobs: Jobs, most: int = 10) -> Iterator[int]:
    """A service without workers."""
    idle = Workers(0, jobs.take, {}, 0, lambda: None)
    application = Service(jobs, Streams(0, lambda: 0), idle, new_metrics(), "").application()
    with listening("127.0.0.1", 0, "") as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # an answer may not fit
        web = server(Door(application, "", (), lambda status: None), http=partial(Impatient, most=most))
        thread = Thread(target=web.run, kwargs={"sockets": [opened]})
        thread.start()
        try:
            yield int(opened.getsockname()[1])
        finally:
            web.should_exit = True
            thread.join()


def answer(client: socket.socket) -> bytes:
    """All up to the end of the connection, which is an error if something was sent after it."""
    client.settimeout(100)
    found = b""
    with suppress(ConnectionError):
        while piece := client.recv(1000):
            found += piece
    return found


@pytest.mark.parametrize("asked", [False, True], ids=["first", "further"])
@pytest.mark.parametrize("begin", [b"", b"GET /"])
def test_a_head_that_does_not_come_ends_the_connection(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, asked: bool, begin: bytes
) -> None:
    if not asked:
        monkeypatch.setattr(patience, "STALL", 0.15)
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        if asked:
            monkeypatch.setattr(patience, "STALL", 1.0)
            client.sendall(HEALTH)
            assert client.recv(10_000).startswith(b"HTTP/1.1 503")
        client.sendall(begin)
        assert answer(client) in (b"", b'{"status":"starting","workers":0,"waiting":0,"live":0,"contact":""}')


def test_without_wait_the_answer_is_an_id_also_if_the_video_has_failed_already(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = jobs.submit

    def at_once(job: Job) -> None:
        submit(job)
        work = jobs.take()
        assert work is not None
        work.finish(job, "it is no video", 0.0)

    monkeypatch.setattr(jobs, "submit", at_once)
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            b"POST /v1/transcripts HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
        )
        found = answer(client)
    assert found.startswith(b"HTTP/1.1 202") and b'"state":"failed"' in found


def test_a_body_that_stops_is_refused(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "STALL", 0.15)
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HEAD + b"some")
        assert answer(client).startswith(b"HTTP/1.1 408")
        assert jobs.taken == 0 and not list(jobs.folder.iterdir())


def test_a_body_that_trickles_is_refused(jobs: Jobs) -> None:
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(HEAD)
        client.setblocking(False)
        found = b""
        for _ in range(1000):
            with suppress(ConnectionError, BlockingIOError):  # the answer is there already
                client.send(b"x")
            try:
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
def test_a_body_that_nobody_wants_is_not_waited_for(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, head: bytes, status: int, piece: bytes
) -> None:
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(100)
        client.sendall(head + b"\r\n")
        found = client.recv(10_000)
        assert found.startswith(b"HTTP/1.1 %d" % status)
        monkeypatch.setattr(patience, "STALL", 0.15)
        client.settimeout(0.05)
        for _ in range(2000):
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


def test_an_answer_that_is_not_taken_ends_the_connection(jobs: Jobs) -> None:
    with port_of(jobs) as port, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(100)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        with pytest.raises(ConnectionError):
            for _ in range(5000):
                time.sleep(0.02)
                client.sendall(b"G")


def test_connections_that_ask_for_nothing_make_room_for_others(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest of them end; a request that waits for its answer stays."""
    monkeypatch.setattr(body, "GRACE", 0.0)
    with port_of(jobs, most=3) as port, ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(3)]
        clients[1].sendall(HEAD)
        while not jobs.taken:
            time.sleep(0.01)
        clients += [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(3)]
        assert [answer(clients[number]) for number in (0, 2, 3)] == [b"", b"", b""]
        for one in clients[4:]:
            one.sendall(HEALTH)
            assert one.recv(10_000).startswith(b"HTTP/1.1 503")
        clients[1].sendall(b"x")  # the first byte comes too slowly
        assert answer(clients[1]).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize(
    "parts",
    [
        (b"POST /nowhere" + CHUNKED + b"\r\n", b"ZZ\r\n"), (b"POST /nowhere" + CHUNKED + b"\r\n", b"0\r\nX\r\n\r\n"),
        (b"POST /v1/transcripts" + CHUNKED + b"\r\nZZ\r\n",), (HEALTH, b"\0\r\n\r\n"), (HEALTH * 9 + b"\0\r\n\r\n",),
        (b"GET /v1/live HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n",), (b"\x16\x03\x01\x02\x00\x01\0\0\0\r\n\r\n",),
        (b"GET /v1/live HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"Origin: http://evil.example\r\n\r\n",),
        (b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",),
    ],
)  # fmt: skip
def test_what_a_client_sends_is_no_line_of_the_log(
    jobs: Jobs, capsys: pytest.CaptureFixture[str], parts: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's: without one, Python prints warnings
    with port_of(jobs) as port, socket.create_connection(("127.0.0.1", port)) as client:
        monkeypatch.setattr(patience, "STALL", 1.0)
        for part in parts:
            client.sendall(part)
            assert client.recv(1)
        assert answer(client)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("wanted", "most", "said"), [(OPEN, OPEN, ""), (99, 99, "only 99 connections"), (15, 0, "may open only")]
)
def test_few_open_files_are_few_connections(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wanted: int, most: int, said: str
) -> None:
    beside = limits.FILES + 3 * limits.FILES_OF_PROCESS + CONNECTIONS + 4 * BACKLOG
    asked = []
    monkeypatch.setattr(limits, "allow_open_files", lambda count: asked.append(count) or beside + wanted)
    monkeypatch.setattr(limits.log, "propagate", True)
    if most:
        assert share_of_files(3, 10_000) == most and said in caplog.text and bool(said) == bool(caplog.text)
    else:
        with pytest.raises(SlaError, match=said):
            share_of_files(3, 10_000)
    assert asked == [beside + OPEN]
