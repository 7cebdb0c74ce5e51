"""The server of `sla annotate`: what it answers, and to whom it does not."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from annotating import write_suggestions
from serving import Served, served
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.errors import WEB, not_installed

for module in WEB:
    pytest.importorskip(module, reason="needs the extra web")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos, of which the second has no ELAN file, and a file that must not be served."""
    folder = tmp_path_factory.mktemp("annotate")
    (folder / "secret.txt").write_text("secret")
    videos = folder / "videos"
    videos.mkdir()
    for name in ("a #1.mp4", "b.mp4"):
        (videos / name).write_bytes(bytes(range(256)) * 10)
    write_suggestions(videos / "a #1.eaf")
    return videos


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Served]:
    with served(folder, "--tier", "GLOSS") as found:
        yield found


def test_it_lists_recordings_and_shows_them(server: Served) -> None:
    assert server.get("about") == {
        "suggestions": "SIGN", "glosses": ["GLOSS"], "translation": "", "annotator": "Mia Maier", "vocabulary": [],
    }  # fmt: skip
    first, second = server.get("queue")
    assert (first["name"], first["counts"]["open"], first["fault"]) == ("a #1.mp4", 3, "")
    assert (second["name"], second["counts"]["digest"]) == ("b.mp4", "")
    shown = server.get("recordings/0")
    assert shown["tiers"]["SIGN"]["a1"] == [400, 800, "REGEN", "", 0.9]
    assert (shown["fps"], shown["origin"]) == (25.0, 0)


def test_it_edits_files_and_says_what_changed(server: Served, folder: Path) -> None:
    status, answer = server.edit(1, "", type="add", tier="GLOSS", start=0, end=40, text="ICH")
    assert (status, answer["said"], list(answer["changes"])) == (200, "added ICH", ["GLOSS"])
    [entry] = answer["changes"]["GLOSS"]["put"].values()
    assert entry[:3] == [0, 40, "ICH"] and entry[3].startswith("new Mia Maier ")
    status, conflict = server.edit(1, "", type="delete", tier="GLOSS", id="a1")
    assert (status, conflict["now"]["digest"]) == (409, answer["digest"])
    status, fault = server.edit(1, answer["digest"], type="delete", tier="GLOSS", id="a99")
    assert (status, fault["message"]) == (422, "tier GLOSS has no annotation a99")
    assert server.edit(1, answer["digest"], type="undo")[0] == 200
    assert "ICH" not in (folder / "b.eaf").read_text(encoding="utf-8")
    for wrong in ({"type": "destroy"}, {"type": "add", "tier": 5}, {"type": "delete", "tier": "GLOSS"}):
        assert server.edit(1, "", **wrong)[0] == 400


def test_a_video_is_sent_in_parts(server: Served) -> None:
    path = f"/{server.token}/recordings/0/video"
    status, headers, body = server.ask("GET", path, headers={"Range": "bytes=256-259"})
    assert (status, body, headers["content-type"]) == (206, bytes(range(4)), "video/mp4")
    assert headers["content-range"] == "bytes 256-259/2560"
    assert server.ask("GET", path, headers={"Range": "bytes=9999-"})[0] == 416


def test_the_page_loads_nothing_from_elsewhere(server: Served) -> None:
    status, headers, body = server.ask("GET", f"/{server.token}/")
    assert status == 200 and b"<title>sla annotate</title>" in body and b"http" not in body
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert (headers["referrer-policy"], headers["x-content-type-options"]) == ("no-referrer", "nosniff")
    assert (headers["cache-control"], headers["cross-origin-resource-policy"]) == ("no-store", "same-origin")
    assert "access-control-allow-origin" not in headers and "server" not in headers


def test_only_the_right_address_and_name_are_served(server: Served) -> None:
    port, token = server.port, server.token
    for host in ("localhost", "LOCALHOST"):
        assert server.ask("GET", f"/{token}/queue", headers={"Host": f"{host}:{port}"})[0] == 200
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        f"127.0.0.1.evil:{port}",
    ):
        assert server.ask("GET", f"/{token}/queue", headers={"Host": host})[0] == 421, host
    wrong = token[:-1] + ("A" if token[-1] != "A" else "B")
    for path in (
        "/",
        "/queue",
        f"/{token}",
        f"/{wrong}/queue",
        f"/{token}x/queue",
        "//queue",
        f"/x/{token}/queue",
        "/%ff/q",
    ):
        assert server.ask("GET", path)[0] == 403, path


def test_requests_of_other_sites_are_refused(server: Served, folder: Path) -> None:
    path, before = f"/{server.token}/recordings/0/edit", (folder / "a #1.eaf").read_bytes()
    digest = server.get("recordings/0")["digest"]
    body = json.dumps({"digest": digest, "operation": {"type": "reject", "id": "a1"}}).encode()
    right = {"Origin": server.origin, "Content-Type": "application/json"}
    origins = ("null", "http://evil.example", f"https://127.0.0.1:{server.port}", f"http://localhost:{server.port}")
    for origin in origins:
        assert server.ask("POST", path, body, right | {"Origin": origin})[0] == 403, origin
        assert server.ask("GET", f"/{server.token}/queue", headers={"Origin": origin})[0] == 403, origin
    assert server.ask("POST", path, body, {"Content-Type": "application/json"})[0] == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert server.ask("POST", path, body, right | {"Content-Type": kind})[0] == 415, kind
    for length in ("64001", "99999999999999999999", "1 2"):
        assert server.ask("POST", path, None, right | {"Content-Length": length})[0] in (400, 413), length
    for length in ({}, {"Content-Length": "10"}):
        assert server.ask("POST", path, None, right | {"Transfer-Encoding": "chunked"} | length)[0] == 413
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        assert server.ask(method, path, body, right)[0] == 405, method
    for body in (b"{" * 60_000, b'{"a":' * 8_000 + b"1" + b"}" * 8_000):
        assert server.ask("POST", path, body, right)[0] == 400
    assert (folder / "a #1.eaf").read_bytes() == before


def test_a_video_that_is_moved_meanwhile_is_not_found(server: Served, folder: Path) -> None:
    video = (folder / "b.mp4").rename(folder / "moved.mp4")
    try:
        assert server.ask("GET", f"/{server.token}/recordings/1/video")[0] == 404
    finally:
        video.rename(folder / "b.mp4")


def test_no_other_file_is_served(server: Served) -> None:
    start = f"/{server.token}"
    for path in (
        "/recordings/2", "/recordings/2/video", "/recordings/-1/video", "/recordings/0/../../secret.txt",
        "/recordings/..%2f..%2fsecret.txt/video", "/assets/../server.py", "/assets/..%2fserver.py", "/assets/server.py",
        "/assets/%2e%2e/server.py", "/assets//etc/passwd", "/%2e%2e/%2e%2e/secret.txt", "/secret.txt", "/assets/",
        "/recordings/a%20%231.mp4/video", "/recordings/99999999999999999999/video",
        f"/recordings/{'9' * 5000}", "/recordings/%D9%A1", "/about/",
    ):  # fmt: skip
        status, _, body = server.ask("GET", start + path)
        assert status == 404 and b"secret" not in body and b"root:" not in body, path


def test_it_listens_on_this_machine_only(server: Served) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for host in others:
        with socket.socket() as connection:
            assert connection.connect_ex((host, server.port)) != 0


def test_the_browser_gets_the_address_in_a_file_of_this_user(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other users see the arguments of a browser, and so an address in them."""
    script, seen = tmp_path / "browser", tmp_path / "seen"
    script.write_text(f'#!/bin/sh\necho "$1" > {seen}.new && mv {seen}.new {seen}\n')
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(script))
    with served(folder, opened=True) as found:
        found.get("queue")
        until = time.monotonic() + 60
        while not seen.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        url = seen.read_text().strip()
        assert url.startswith("file:///") and found.token not in url
        page = Path(unquote(urlsplit(url).path))
        assert found.address in page.read_text(encoding="utf-8") and page.stat().st_mode & 0o077 == 0


def port_for_us() -> int:
    """One that no other program gets meanwhile: below those that the system gives to whoever asks for any."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as free:
            if free.connect_ex(("127.0.0.1", port)):
                return port


@pytest.mark.usefixtures("usual_signals")
def test_ctrl_c_ends_it_and_its_port_is_free(folder: Path) -> None:
    with served(folder / "b.mp4", "--port", str(port_for_us())) as found:
        found.get("queue")
        found.process.send_signal(signal.SIGINT)
        printed, said = found.process.communicate(timeout=200)
        assert found.process.returncode == 130 and "Ctrl-C ends it" in printed + said and "interrupted" not in said
    command = [sys.executable, "-m", "sla_cli", "annotate", str(folder), "--no-open", "--port", str(found.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None and f":{found.port}/" in process.stdout.readline()
        process.kill()


def test_faults_of_the_command_are_sentences(folder: Path, tmp_path: Path, server: Served) -> None:
    lonely = write_suggestions(tmp_path / "lonely.eaf")
    empty, pipe = tmp_path / "empty", tmp_path / "pipe.mp4"
    empty.mkdir()
    os.mkfifo(pipe)
    for arguments, message in {
        (str(tmp_path / "no.mp4"),): "no such video",
        (str(pipe),): "pipe.mp4 is not a file",
        (str(empty),): "contains no video",
        (str(lonely),): "its video is not found",
        (str(folder.parent / "secret.txt"),): "is not a video file",
        (
            str(folder),
            "--port",
            str(server.port),
        ): f"127.0.0.1, port {server.port}, cannot be used: Address already in use",
        (str(folder), "--annotator", "sla"): "annotator sla",
        (str(folder), "--tier", "SIGN"): "tier SIGN was given twice",
        (str(folder), "--run", str(empty)): "is not a run or a model",
        (str(folder), "--run", "https://a.b/c"): "https://a.b/c is not a run or a model",
    }.items():
        result = CliRunner().invoke(app, ["annotate", *arguments, "--no-open"])
        assert (result.exit_code, message in result.output) == (2, True), result.output


def test_without_the_extra_it_says_how_to_install_it() -> None:
    error = not_installed(ModuleNotFoundError(name="uvicorn"))
    assert error is not None and error.hint == "Install it with `pip install 'sla-cslr[web]'`."
