"""What a user can name: cameras, files, standard input and addresses; and what is refused in one sentence."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import cv2
import numpy as np
import pytest
from movies import movie, numbers, pictures
from stream_servers import USER, file_of, http_server, motion_jpeg, raw_server, rtsp_server, stream_of

from sla_cli.errors import FrameError, SlaError
from sla_cli.live import address, camera, http, patience, source
from sla_cli.live.camera import Camera
from sla_cli.live.source import find_source
from sla_cli.live.squared import squared
from sla_cli.video.incoming import open_incoming

COUNT = 60
CODEC = ("-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name in ("a.ts", "a.mkv", "a.mp4"):
        movie(folder / name, pictures(COUNT), *CODEC)
    movie(folder / "pause.mkv", pictures(COUNT), "-vf", "setpts=PTS+gte(N\\,30)*15/TB", "-fps_mode", "vfr", *CODEC)
    return folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (address, http):
        monkeypatch.setattr(module, "TIMEOUT", 1.0)


def frames_of(name: str) -> Iterator[tuple[float, np.ndarray]]:
    return find_source(name).frames(threading.Event())


def seen(name: str) -> tuple[list[float], list[int]]:
    """Times of all frames, and which picture each is."""
    found = list(frames_of(name))
    return [time for time, _ in found], numbers([picture for _, picture in found])


def refused(name: str) -> str:
    with pytest.raises(SlaError) as error:
        list(frames_of(name))
    assert "s3cret" not in str(error.value)
    return str(error.value)


def test_a_file_is_read_as_by_transcribe(videos: Path) -> None:
    times, found = seen(str(videos / "a.mp4"))
    assert found == list(range(COUNT)) and times == pytest.approx(np.arange(COUNT) / 25, abs=1e-3)
    assert find_source(str(videos / "a.mp4")).media == videos / "a.mp4"
    assert "is a folder" in refused(str(videos))
    assert "no such video" in refused("nothing.mp4")


def test_pixels_are_square(tmp_path: Path) -> None:
    wide = movie(tmp_path / "a.mkv", pictures(3), "-vf", "setsar=2", *CODEC)
    assert {picture.shape for _, picture in frames_of(str(wide))} == {(64, 128, 3)}
    wide = movie(tmp_path / "b.mkv", pictures(3), "-vf", "setsar=20", *CODEC)
    assert {picture.shape for _, picture in frames_of(str(wide))} == {(64, 64, 3)}, "no pixel has this shape"
    assert squared(np.zeros((3000, 3000, 3), np.uint8), 8.0).shape == (375, 3000, 3), "a stream takes no larger one"


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "pause.mkv"])
def test_standard_input(videos: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are those that the video states, also over a pause of 15 seconds."""
    reading, writing = os.pipe()
    threading.Thread(target=write, args=(writing, (videos / name).read_bytes())).start()
    with open(reading) as given:  # noqa: PTH123, a descriptor
        monkeypatch.setattr(sys, "stdin", given)
        times, found = seen("-")
    pause = 15 * (np.arange(COUNT) >= 30) if name == "pause.mkv" else 0
    assert found == list(range(COUNT)) and times == pytest.approx(np.arange(COUNT) / 25 + pause, abs=1e-3)


@pytest.mark.parametrize(
    ("copies", "live", "aligned"), [(3, False, True), (3, False, False), (1, False, True), (1, True, True)]
)
def test_of_files_one_after_the_other_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, copies: int, live: bool, aligned: bool
) -> None:
    """Also where a piece that is read ends with the first of them; one that states no length is a single video."""
    data = movie(tmp_path / "a.mkv", pictures(COUNT), *CODEC, *(("-live", "1") if live else ())).read_bytes()
    parts = [data] * copies if aligned else [data * copies]
    pieces = [part[start : start + 1000] for part in parts for start in range(0, len(part), 1000)]
    with open_incoming(Pieces(pieces), "it") as decoder:
        found = numbers([picture.image for picture in decoder])
    assert found[:COUNT] == list(range(COUNT))
    assert ("it is several videos one after the other" in caplog.text) == (copies > 1)


def test_the_hint_of_a_stream_is_no_command_for_a_file() -> None:
    huge = b"GIF89a" + b"\xff" * 4 + bytes(3) + b","
    with pytest.raises(FrameError, match="more than 64 million pixels") as caught, open_incoming(Pieces([huge]), "it"):
        pass
    assert "ffmpeg" not in caught.value.hint


class Pieces:
    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def read(self, size: int) -> bytes:
        piece = next(self._pieces, b"")
        assert len(piece) <= size
        return piece


def write(descriptor: int, data: bytes) -> None:
    with open(descriptor, "wb") as file:
        file.write(data)


def test_standard_input_that_is_no_video_or_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with open(reading) as given, open(writing, "wb") as taken:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", given)
        stopped = threading.Event()
        stopped.set()
        with pytest.raises(SlaError):  # it does not wait
            next(iter(find_source("-").frames(stopped)))
        taken.write(b"no video")
        taken.close()
        assert "standard input is no video" in refused("-")


def test_standard_input_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `sla live - 0> file`."""
    with (tmp_path / "a").open("w") as given:
        monkeypatch.setattr(sys, "stdin", given)
        assert "standard input cannot be read (Bad file descriptor)" in refused("-")


def test_a_stream_over_http(videos: Path) -> None:
    with http_server(stream_of((videos / "a.ts").read_bytes())) as place:
        stream = find_source(f"http://{place}/x?password=s3cret")
        assert stream.name == f"http://{place}/x"
        times, found = seen(f"http://{place}/x")
    assert found == list(range(COUNT)) and times == pytest.approx(np.arange(COUNT) / 25, abs=1e-3)


def test_a_file_over_http_waits_for_the_machine(videos: Path) -> None:
    with http_server(file_of((videos / "a.mkv").read_bytes())) as place:
        found = find_source(f"http://{place}/a.mkv")
        assert len(list(found.frames(threading.Event()))) == COUNT and not found.live
    with http_server(file_of((videos / "a.ts").read_bytes(), stated=10**6)) as place:
        assert "too early" in refused(f"http://{place}/a.ts")


def test_an_mp4_with_its_index_last_is_named(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (videos / "a.mp4").read_bytes()
    with http_server(file_of(data)) as place:
        assert "index at the end" in refused(f"http://{place}/a.mp4")
    reading, writing = os.pipe()
    threading.Thread(target=write, args=(writing, data[:1000])).start()
    with open(reading) as given:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", given)
        assert "faststart" in refused("-")


def test_an_address_may_have_other_letters_than_ascii(videos: Path) -> None:
    with http_server(stream_of((videos / "a.ts").read_bytes())) as place:
        assert seen(f"http://{place}/zuhören?größe=1%20")[1] == list(range(COUNT))


def test_motion_jpeg_has_the_times_at_which_pictures_come() -> None:
    jpeg = [cv2.imencode(".jpg", picture)[1].tobytes() for picture in pictures(20)]
    with http_server(motion_jpeg(jpeg, rate=10)) as place:
        times, found = seen(f"http://{place}/")
    assert found == list(range(20)) and times[0] == 0
    assert 1 < times[-1] < 100 and (np.diff(times) > 0).all()  # FFmpeg would count 25 a second: 0.76


def test_user_and_password_open_the_stream_and_are_never_shown(videos: Path) -> None:
    data = (videos / "a.ts").read_bytes()
    with http_server(stream_of(data), user=USER) as place:
        assert seen(f"http://{USER}@{place}/")[1] == list(range(COUNT))
        wrong, none = (refused(f"http://{user}{place}/") for user in ("anna:s3cret-not@", ""))
        assert "answers 401 Unauthorized" in wrong and "Are user and password right?" in wrong
        assert "answers 401 Unauthorized" in none and "USER:PASSWORD@HOST" in none
    with rtsp_server(data, 0.2, user=USER) as place:
        assert find_source(f"rtsp://{USER}@{place}/x").name == f"rtsp://{place}/x"
        assert len(seen(f"rtsp://{USER}@{place}/x")[1]) > COUNT / 2
    with rtsp_server(data, 0.2, user="anna:other") as place:
        assert "401" in refused(f"rtsp://{USER}@{place}/x")


def test_rtsp(videos: Path) -> None:
    with rtsp_server((videos / "a.ts").read_bytes(), 0.5) as place:
        times, found = seen(f"RTSP://{place}/x")
    assert found[:-2] == list(range(len(found) - 2)) and len(found) >= COUNT - 2
    assert times == pytest.approx(np.array(found) / 25, abs=1e-3)


def test_a_stream_that_stalls_is_given_up(videos: Path, impatient: None) -> None:
    data = (videos / "a.ts").read_bytes()
    with http_server(stream_of(data, stalls=True)) as place:
        assert "sent nothing for 1 s" in refused(f"http://{place}/x")
    with rtsp_server(data, 0.1, stalls=True) as place:
        assert "no answer" in refused(f"rtsp://{USER}@{place}/x")


def test_a_stream_whose_pictures_stop_while_sound_goes_on_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(address, "BLIND", 1.0)
    sound = ("-f", "lavfi", "-i", "anullsrc", "-t", "30", "-c:a", "mp2")
    data = movie(tmp_path / "a.ts", pictures(COUNT), *sound, *CODEC).read_bytes()
    with rtsp_server(data, 20) as place:
        assert "no picture for 1 s" in refused(f"rtsp://{place}/x")  # at its end it would not be refused


@pytest.mark.parametrize("video", ["nothing but padding", "a video, then padding", "of a stated length"])
def test_a_stream_of_bytes_without_pictures_is_given_up(
    videos: Path, monkeypatch: pytest.MonkeyPatch, video: str
) -> None:
    stated = video == "of a stated length"
    monkeypatch.setattr(patience, "BLIND", 1.0)
    monkeypatch.setattr(http, "MOST", 1 << 18)
    padding = (b"\x47\x1f\xff\x10" + b"\xff" * 184) * 50  # null packets of MPEG-TS
    data = (videos / "a.ts").read_bytes() if video.startswith("a video") else b""

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        if stated:
            handler.send_header("Content-Length", str(1 << 30))
        handler.end_headers()
        with suppress(ConnectionError):
            handler.wfile.write(data)
            while True:
                handler.wfile.write(padding)
                time.sleep(0.01)

    with http_server(endless) as place:
        assert "sent bytes for 1 s, but no picture" in refused(f"http://{place}/x")


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n"
SLOW = {
    "a status line": (b"", b"H", "nothing whole came for 1 s"),
    "a header": (HEAD, b"x", "nothing whole came for 1 s"),
    "other answers first": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "nothing whole came for 1 s"),
    "the length of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", "sent bytes for 1 s, but no picture"),
    "a file of a stated length": (HEAD + b"Content-Length: 99999\r\n\r\n", b"x", "but less than 64 KiB"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", SLOW)
def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr(patience, "BLIND", 1.0)
    begin, piece, fault = SLOW[what]

    def slow(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(piece)
            time.sleep(0.05)

    with raw_server(slow) as place:
        assert fault in refused(f"http://{place}/x")


@pytest.mark.timeout(300)
def test_the_content_of_a_redirection_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be endless. The next answer is no video."""
    monkeypatch.setattr(patience, "BLIND", 1.0)
    sent = []

    def endless(connection: socket.socket) -> None:
        if b"/y" in connection.recv(4096):
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(MOVED)
        while True:
            sent.append(connection.send(bytes(1 << 16)))

    with raw_server(endless) as place:
        assert "answers 404 Not Found" in refused(f"http://{place}/x")
    assert sum(sent) < 10 << 20


def test_a_server_that_asks_for_a_password_without_saying_how_is_refused() -> None:
    def asking(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\r\nContent-Length: 0\r\n\r\n")

    with raw_server(asking) as place:
        assert "does not answer" in refused(f"http://{USER}@{place}/x")


@pytest.mark.parametrize(
    ("ends", "part"),
    [("stalls", "sent nothing for 1 s"), ("cut", "bytes too early"), ("spoilt", "x is broken after")],
)
def test_a_stream_that_breaks_says_its_first_fault_only(
    videos: Path, impatient: None, capfd: pytest.CaptureFixture[str], ends: str, part: str
) -> None:
    data = (videos / "a.mkv").read_bytes()
    most = data[: len(data) * 4 // 5]
    spoilt = data[: len(data) // 3] + bytes(len(data) // 3) + data[len(data) // 3 * 2 :]
    answers = {
        "stalls": stream_of(most, stalls=True),
        "cut": file_of(most, stated=len(data)),
        "spoilt": file_of(spoilt),
    }
    with http_server(answers[ends]) as place:
        assert part in refused(f"http://{place}/x")
    assert "dropped" not in capfd.readouterr().err  # what PyAV prints of an error that another one follows


def test_standard_input_that_is_cut_ends_with_an_error_after_its_frames(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = (videos / "a.mkv").read_bytes()
    reading, writing = os.pipe()
    threading.Thread(target=write, args=(writing, data[: len(data) // 2])).start()
    found = []
    with open(reading) as given, pytest.raises(SlaError, match=rf"lacks {len(data) - len(data) // 2:,} bytes"):  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", given)
        for frame in frames_of("-"):
            found.append(frame)
    assert 0 < len(found) < COUNT


def test_a_stranger_opens_no_file_of_this_machine(videos: Path) -> None:
    """Neither by a list of files nor by a redirection."""
    local = (videos / "a.ts").as_uri()
    lists = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{local}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {local}\n",
    )
    for text in lists:
        with http_server(file_of(text.encode())) as place:
            assert "is no video" in refused(f"http://{place}/list.m3u8")

    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", local)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    with http_server(redirect) as place:
        assert "answers 302" in refused(f"http://{place}/x")
    local = "ftp://localhost/x"
    with http_server(redirect) as place:
        assert "unknown url type: ftp" in refused(f"http://{place}/x")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("ftp://host/x", "ftp:// is no address of a video"),
        ("ftp://[/x", "ftp:// is no address of a video"),
        ("file:///etc/passwd", "file:// is no address"),
        ("concat://a|b", "concat:// is no address"),
        ("rtsp:///x", "no host"),
        ("\u0661", "no such video: \u0661"),  # a digit that is no number of a camera
        *((f"rtsp://anna:12{mark}s3cret@host:1/x", "the address has @ after its host") for mark in "/?#"),
        ("rtsp://localhost:1/x?url=a@b", "rtsp://localhost:1/x gives no video"),
        ("http://anna:s3cret@host:port/", "no valid host or port"),
        ("http://anna:s3cret@localhost:1/", "http://localhost:1/ does not answer (Connection refused)"),
        ("rtsp:/anna:s3cret@host", "no such video: rtsp://host"),
        (" rtsp://anna:s3cret@host", "no such video:  rtsp://host"),
        ("rtsp://anna:s3cret@localhost:1/", "rtsp://localhost:1/ gives no video (Connection refused)"),
    ],
)
def test_addresses_that_cannot_be(name: str, part: str) -> None:
    assert part in refused(name)


def test_cameras_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "linux":
        pytest.skip("devices are files on Linux only")
    assert "there is no camera 999 (/dev/video999)" in refused("999")
    (tmp_path / "video3").write_bytes(b"no camera")
    with pytest.raises(SlaError, match=r"no camera 1 .*\n.*here: 3"):
        Camera(1, tmp_path)
    monkeypatch.setattr(camera.os, "access", lambda *_: False)
    with pytest.raises(SlaError, match="may not be used by this user"):
        Camera(3, tmp_path)


def test_a_camera_gives_pictures_until_it_is_unplugged(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no camera here: OpenCV's reader of files, behind the same class, stands for it."""
    opened = cv2.VideoCapture
    monkeypatch.setattr(camera, "_check_device", lambda *_: None)
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda _: opened(str(videos / "a.mkv")))
    found = []
    with pytest.raises(SlaError, match="camera 0 gives no more pictures"):
        for frame in source.find_source("0").frames(threading.Event()):
            found.append(frame)
    assert numbers([picture for _, picture in found]) == list(range(COUNT)) and found[0][0] == 0
    monkeypatch.setattr(camera.cv2, "VideoCapture", lambda _: opened("nothing.mkv"))
    assert "camera 0 does not open" in refused("0")


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://anna:s3cret@localhost:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert "It was asked through the proxy localhost:1." in refused("http://camera.example/video")
