"""Servers that send a video as cameras and media servers do: over HTTP, and over RTSP."""

from __future__ import annotations

import base64
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USER = "anna:s3cret"
PACKET = 188  # bytes of MPEG-TS


@contextmanager
def http_server(answer: Callable[[BaseHTTPRequestHandler], None], *, user: str = "") -> Iterator[str]:
    """`localhost:PORT` of a server that answers every request so.

    Args:
        user: `NAME:PASSWORD` that it asks for.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if user and self.headers["Authorization"] != f"Basic {base64.b64encode(user.encode()).decode()}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.close_connection = True
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """`127.0.0.1:PORT` of a server that answers each connection with bytes of its own, until the client closes it."""

    def serve() -> None:
        with suppress(OSError):  # closed at the end
            while True:
                threading.Thread(target=answering, args=listening.accept()[:1], daemon=True).start()

    def answering(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def stream_of(data: bytes, kind: str = "video/mp2t", *, seconds: float = 0.0, stalls: bool = False):  # type: ignore[no-untyped-def]
    """An answer without length, in pieces.

    Args:
        seconds: that it takes.
        stalls: whether the connection stays open after the last piece.
    """

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        pieces = [data[start : start + 8192] for start in range(0, len(data), 8192)]
        for piece in pieces:
            time.sleep(seconds / len(pieces))
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if stalls:
            time.sleep(60)
        handler.wfile.write(b"0\r\n\r\n")

    return answer


def file_of(data: bytes, stated: int | None = None):  # type: ignore[no-untyped-def]
    """An answer with a length, by default the true one."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(stated or len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def motion_jpeg(pictures: Sequence[bytes], rate: float):  # type: ignore[no-untyped-def]
    """What a network camera answers: JPEG pictures in parts, at this rate."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        begin = time.monotonic()
        for number, picture in enumerate(pictures):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            handler.wfile.write(head.encode() + picture + b"\r\n")

    return answer


@contextmanager
def rtsp_server(video: bytes, seconds: float, *, user: str = "", stalls: bool = False) -> Iterator[str]:
    """`127.0.0.1:PORT` of an RTSP server (RFC 2326) that plays MPEG-TS in RTP (RFC 2250) within the connection, once.

    Args:
        video: MPEG-TS.
        seconds: that it takes.
        user: `NAME:PASSWORD` that it asks for.
        stalls: whether it sends nothing after PLAY, and stays.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    wanted = f"Authorization: Basic {base64.b64encode(user.encode()).decode()}"

    def serve() -> None:
        connection, _ = listening.accept()
        with suppress(ConnectionError), connection, connection.makefile("rb") as requests:
            while head := b"".join(iter(requests.readline, b"\r\n")).decode():
                method, number = head.split()[0], re.search(r"CSeq: *(\d+)", head)
                assert number is not None
                if user and method != "OPTIONS" and wanted not in head:
                    reply(connection, number[1], 'WWW-Authenticate: Basic realm="camera"', code="401 Unauthorized")
                elif method == "DESCRIBE":
                    sdp = "v=0\r\no=- 0 0 IN IP4 0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\na=control:track\r\n"
                    reply(connection, number[1], "Content-Type: application/sdp", body=sdp)
                elif method == "SETUP":
                    transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
                    reply(connection, number[1], f"{transport}\r\nSession: 1")
                else:
                    reply(connection, number[1], "Session: 1\r\nPublic: DESCRIBE, SETUP, PLAY, TEARDOWN")
                if method == "PLAY":
                    time.sleep(60 if stalls else 0)
                    play(connection)
                    return

    def play(connection: socket.socket) -> None:
        size = 7 * PACKET
        pieces = [video[start : start + size] for start in range(0, len(video), size)]
        for number, piece in enumerate(pieces):
            time.sleep(seconds / len(pieces))
            clock = int(90_000 * seconds * number / len(pieces))
            packet = b"\x80\x21" + number.to_bytes(2, "big") + clock.to_bytes(4, "big") + b"slac" + piece
            connection.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)

    threading.Thread(target=serve, daemon=True).start()
    with listening:
        yield address


def reply(connection: socket.socket, number: str, more: str, *, body: str = "", code: str = "200 OK") -> None:
    connection.sendall(
        f"RTSP/1.0 {code}\r\nCSeq: {number}\r\n{more}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    )
