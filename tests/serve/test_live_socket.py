"""The live stream of `sla serve`: what it says, and whom it refuses."""

from __future__ import annotations

import json
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from recordings import images_of
from running_service import PATIENCE, Running, until

from sla_cli.serve.limits import WAITING_FRAMES
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.segments import Segments

pytestmark = pytest.mark.ci  # it starts two services of its own

client = pytest.importorskip("websockets.sync.client", reason="needs the extra web")
SENTENCE = "NORD REGEN SONNE"
JPEG = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
SIZE = JPEG.index(b"\xff\xc0") + 5  # height and width, in two bytes each
HUGE = JPEG[:SIZE] + b"\xfd\xe8" * 2 + JPEG[SIZE + 4 :]
WRONG: dict[str, bytes | str] = {
    "empty": b"",
    "short": bytes(5),
    "another format": bytes(8) + b"no JPEG",
    "damaged": bytes(8) + b"\xff\xd8\xff" + bytes(99),
    "states 4 gigapixels": bytes(8) + HUGE,
    "4 MB that are no JPEG": bytes(8 + 4_000_000),
    "another text": "eof",
    "deep text": '{"eof":' * 100_000,
}


@contextmanager
def connected(server: Running, **options: Any) -> Iterator[Any]:
    until(lambda: server.ask("GET", "/health").json["live"])
    with client.connect(f"ws://127.0.0.1:{server.port}/v1/live", **options) as socket:
        yield socket


def all_said(socket: Any) -> list[dict[str, Any]]:
    """The messages up to the end."""
    from websockets.exceptions import ConnectionClosed

    found = []
    with pytest.raises(ConnectionClosed):
        while True:
            found.append(json.loads(socket.recv(PATIENCE)))
    return found


def frames(sentence: str = SENTENCE) -> list[tuple[float, bytes]]:
    return [
        (number / 25, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes())
        for number, image in enumerate(images_of(sentence))
    ]


def message(time: float, jpeg: bytes) -> bytes:
    return struct.pack("<d", time) + jpeg


def test_segments_are_those_of_the_stream_in_python(opened: Running, run: Path) -> None:
    segments, expected = Segments(), []
    with Recognizer.open(run) as recognizer:
        stream = recognizer.stream()
        for time, jpeg in frames():
            picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1), cv2.COLOR_BGR2RGB)
            expected += segments.add(stream.push(picture, time))
        expected += segments.add(stream.finish())
    found = []
    with connected(opened) as socket:
        for one in frames():
            socket.send(message(*one))
            if one[0] % 0.8 == 0:  # as slowly as it computes
                socket.ping().wait(10)
        socket.send('{"eof" : 1}')
        found = all_said(socket)
        assert socket.close_code == 1000
    shown = [one for one in found if "dropped" not in one]
    if shown == found:
        assert [one["text"] for one in shown] == [one.text for one in expected]
    final = [one for one in shown if one["is_final"]]
    assert final and final[-1]["tokens"] and final[-1]["fixed"] == len(final[-1]["tokens"])


def test_frames_that_come_too_fast_are_dropped_and_counted(opened: Running) -> None:
    with connected(opened) as socket:
        opened.signal_workers(signal.SIGSTOP)
        for number in range(4 * WAITING_FRAMES):
            socket.send(message(number / 25, frames("NORD")[0][1]))
        for _ in range(2 * WAITING_FRAMES):  # the service has read all, also what it had taken before it saw a ping
            assert socket.ping().wait(PATIENCE)
        socket.send('{"eof": 1}')
        opened.signal_workers(signal.SIGCONT)
        dropped = [said["dropped"] for said in all_said(socket) if "dropped" in said]
    assert 3 * WAITING_FRAMES - 2 <= dropped[-1] < 4 * WAITING_FRAMES and dropped == sorted(dropped)


def test_a_second_stream_is_refused_until_the_first_has_ended(opened: Running) -> None:
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    with connected(opened):
        with pytest.raises(InvalidStatus) as refused:
            client.connect(f"ws://127.0.0.1:{opened.port}/v1/live")
        assert refused.value.response.status_code == 429 and "retry-after" in refused.value.response.headers
        origin = f"http://127.0.0.1:{opened.port}"
        with client.connect(f"ws://127.0.0.1:{opened.port}/v1/live", origin=origin) as browser:
            with pytest.raises(ConnectionClosed):
                browser.recv(PATIENCE)
            assert browser.close_code == 1013
        with pytest.raises(InvalidStatus) as refused:
            client.connect(f"ws://127.0.0.1:{opened.port}/v1/live", origin="http://evil.example")
        assert refused.value.response.status_code == 403
        with pytest.raises(InvalidStatus) as refused:
            client.connect(f"ws://127.0.0.1:{opened.port}/live")
        assert refused.value.response.status_code == 403
        assert json.loads(refused.value.response.body)["error"] == "there is no WebSocket at this path"
    with connected(opened):
        pass


@pytest.mark.parametrize("wrong", [*WRONG, "no time"])
def test_a_message_that_is_no_frame_ends_the_stream_with_a_sentence(opened: Running, wrong: str) -> None:
    with connected(opened) as socket:
        socket.send(message(*frames()[0]))
        socket.send(message(float("nan"), frames()[0][1]) if wrong == "no time" else WRONG[wrong])
        said = all_said(socket)
        assert socket.close_code == 1007 and said[-1]["error"]
        assert ("64 million pixels" in said[-1]["error"]) == ("gigapixels" in wrong)


@pytest.mark.ci
def test_a_worker_that_is_killed_ends_the_stream_and_is_started_again(opened: Running) -> None:
    with connected(opened) as socket:
        for one in frames():
            socket.send(message(*one))
        socket.recv(PATIENCE)  # the worker has begun: one that dies idle is replaced before the stream gets it
        opened.signal_workers(signal.SIGKILL)  # while the client waits for an answer
        all_said(socket)
        assert socket.close_code == 1011 and "unexpectedly" in socket.close_reason
    with connected(opened) as socket:
        socket.send('{"eof": 1}')
        assert all_said(socket) == [] and socket.close_code == 1000


def test_the_token_may_be_a_protocol_as_browsers_send_it(tight: Running) -> None:
    """It lets in; there are no streams."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus

    from sla_cli.serve.door import protocol_of

    for options, status in (
        ({}, 401), ({"subprotocols": ["sla.token.AAAA"]}, 401), ({"subprotocols": [protocol_of(tight.token)]}, 404),
        ({"additional_headers": {"Authorization": f"Bearer {tight.token}"}}, 404),
    ):  # fmt: skip
        with pytest.raises(InvalidStatus) as refused:
            client.connect(f"ws://127.0.0.1:{tight.port}/v1/live", **options)
        assert refused.value.response.status_code == status
        assert status == 401 or b"live streams are not offered" in refused.value.response.body
    place = f"127.0.0.1:{tight.port}"
    given = {"origin": f"http://{place}", "subprotocols": [protocol_of(tight.token)]}
    with client.connect(f"ws://{place}/v1/live", **given) as browser, pytest.raises(ConnectionClosed):
        browser.recv(PATIENCE)
    assert (browser.close_code, browser.close_reason) == (1008, "live streams are not offered")
