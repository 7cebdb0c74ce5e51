"""`sla serve` as its clients see it: results, refusals, order, and what it survives."""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hostile_videos import LISTS
from movies import ffmpeg, movie, pictures
from recordings import copy_run, images_of, refused, signed
from running_service import PATIENCE, Running, has_ended, service, until

from sla_cli.serve.job import new_id
from sla_cli.serve.limits import CONNECTIONS
from sla_cli.transcribe.recognizer import Recognizer

NESTED = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "service.md").read_text(encoding="utf-8")
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="anna.mkv"\r\nContent-Type: video/mkv\r\n\r\n'
)


def video(folder: Path, sentence: str = "NORD REGEN", rate: int = 25) -> bytes:
    return signed(folder / "a.mkv", sentence, rate).read_bytes()


def glosses(job: Any) -> list[str]:
    return [sign["gloss"] for sign in job["result"]["signs"]]


def test_a_transcript_is_that_of_the_recognizer_in_every_format(opened: Running, run: Path, tmp_path: Path) -> None:
    data = video(tmp_path, "NORD REGEN SONNE GRAD")
    with Recognizer.open(run) as recognizer:
        expected = recognizer.transcribe(tmp_path / "a.mkv")
    reply = opened.send(data, wait=60)
    assert reply.status == 200, reply.body
    signs = reply.json["result"]["signs"]
    assert [(one["gloss"], one["start"], one["end"]) for one in signs] == [
        (one.gloss, one.start, one.end) for one in expected.signs
    ]
    assert reply.json["result"]["duration"] == expected.duration and reply.json["result"]["made"] == expected.made
    assert reply.json["frames"] == reply.json["total"] > 0
    place = reply.headers["location"]
    for ending in ("eaf", "vtt", "srt", "json", "csv", "ctm", "TextGrid", "html"):
        expected.save(tmp_path / f"transcript.{ending}", link_video=ending != "html")
        got = opened.ask("GET", f"{place}.{ending}")
        assert got.status == 200 and b"/state" not in got.body and b"upload" not in got.body
        if ending in ("vtt", "srt", "json", "csv"):
            assert got.body == (tmp_path / f"transcript.{ending}").read_bytes()
    assert b"The video was left out" in opened.ask("GET", f"{place}.html").body
    assert opened.ask("GET", f"{place}.pdf").status == 404
    assert opened.ask("DELETE", place).status == 204
    assert opened.ask("GET", place).status == opened.ask("GET", f"{place}.eaf").status == 404


def test_a_form_holds_one_file(opened: Running, tmp_path: Path) -> None:
    data, kind = video(tmp_path), "multipart/form-data; boundary=x"
    path = "/v1/transcripts?wait=60"
    reply = opened.ask("POST", path, FORM + data + b"\r\n--x--\r\n", Content_Type=kind)
    assert (reply.status, glosses(reply.json)) == (200, ["NORD", "REGEN"])
    for body in (b"--x--\r\n", b"no form", FORM + data, FORM + data + b"\r\n" + FORM + data + b"\r\n--x--\r\n"):
        assert opened.ask("POST", path, body, Content_Type=kind).status == 400
    field = FORM[: FORM.index(b"--x", 1)]
    many = opened.ask("POST", path, 21 * field, Content_Type=kind)
    assert (many.status, many.json) == (400, {"error": "the form has more than 20 fields"})
    for boundary in ("", "; boundary=", f"; boundary={'x' * 257}", f"; boundary={'x' * 5000}"):
        reply = opened.ask("POST", path, FORM, Content_Type=f"multipart/form-data{boundary}")
        assert reply.status == 400 and "RFC 7578" in reply.json["error"]


def _huge_gif(folder: Path) -> bytes:
    data = movie(folder / "a.gif", pictures(3)).read_bytes()
    return data[:6] + struct.pack("<HH", 16000, 16000) + data[10:]


def _archive(folder: Path) -> bytes:
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        archive.write(signed(folder / "b.mkv", "NORD"), "b.mkv")
    return (folder / "a.zip").read_bytes()


def test_what_is_no_video_is_refused_and_the_service_goes_on(opened: Running, tmp_path: Path) -> None:
    data = video(tmp_path)
    sound = tmp_path / "a.wav"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", str(sound))
    hostile = [
        *(content.replace(b"{port}", b"9") for content in LISTS.values()), b"", b"\0", b"\xff" * 5000,
        data[: len(data) // 2], _huge_gif(tmp_path), _archive(tmp_path), sound.read_bytes(),
    ]  # fmt: skip
    for body in hostile:
        reply = opened.send(body, wait=60)
        assert reply.status == 422, (body[:40], reply)
        assert "/" not in reply.json["error"] and "upload" not in reply.json["error"]
    for path in ("/v1/transcripts?wait=-1", "/v1/transcripts?wait=1e9", "/v1/transcripts?wait=nan"):
        assert opened.ask("POST", path, data).status == 400
    assert glosses(opened.send(data, wait=59.9999999).json) == ["NORD", "REGEN"]


def test_clients_that_vanish_or_send_nothing_take_no_place(opened: Running, tmp_path: Path) -> None:
    def waiting() -> int:
        return int(opened.ask("GET", "/health").json["waiting"])

    data = video(tmp_path)
    head = f"POST /v1/transcripts?wait=100 HTTP/1.1\r\nHost: localhost:{opened.port}\r\nContent-Length: {len(data)}"
    opened.signal_workers(signal.SIGSTOP)
    running = opened.send(data).json["id"]
    until(lambda: not waiting())
    for body in (data, data[:1000]):
        with socket.create_connection(("127.0.0.1", opened.port)) as client:
            client.sendall(f"{head}\r\n\r\n".encode() + body)
            until(waiting)
        until(lambda: not waiting())
    idle = [socket.create_connection(("127.0.0.1", opened.port)) for _ in range(CONNECTIONS + 10)]
    opened.signal_workers(signal.SIGCONT)
    assert glosses(opened.ended(running)) == ["NORD", "REGEN"]
    for one in idle:
        one.close()


def test_a_video_that_is_deleted_while_it_is_recognised_costs_no_worker(opened: Running, tmp_path: Path) -> None:
    workers = opened.workers
    opened.signal_workers(signal.SIGSTOP)
    name = opened.send(video(tmp_path, " ".join(["NORD"] * 40))).json["id"]
    until(lambda: opened.get(name)["state"] == "running")
    assert opened.ask("DELETE", f"/v1/transcripts/{name}").status == 204
    opened.signal_workers(signal.SIGCONT)
    assert opened.ask("GET", f"/v1/transcripts/{name}").status == 404
    assert glosses(opened.send(video(tmp_path), wait=60).json) == ["NORD", "REGEN"]
    assert opened.workers == workers and b'state="deleted"} 1.0' in opened.ask("GET", "/metrics").body


@pytest.mark.parametrize("end", [signal.SIGCONT, pytest.param(signal.SIGKILL, marks=pytest.mark.ci)])
def test_a_full_queue_and_its_order_also_if_the_worker_is_killed(
    tight: Running, tmp_path: Path, end: signal.Signals
) -> None:
    sentences = ("NORD", "NORD REGEN", "GRAD", "SONNE")
    tight.signal_workers(signal.SIGSTOP)
    sent = []
    for number, sentence in enumerate(sentences):
        reply = tight.send(video(tmp_path, sentence))
        assert reply.status == 202 and reply.json["state"] in ("waiting", "running")
        sent.append(reply.json["id"])
        if not number:
            until(lambda: tight.get(sent[0])["state"] == "running")
    assert [tight.get(name)["place"] for name in sent] == [0, 0, 1, 2]
    full = tight.send(video(tmp_path))
    assert full.status == 429 and int(full.headers["retry-after"]) >= 1 and "no place" in full.json["error"]
    assert tight.ask("GET", f"/v1/transcripts/{sent[1]}.eaf").status == 409
    assert tight.ask("DELETE", f"/v1/transcripts/{sent[2]}").status == 204
    assert tight.get(sent[3])["place"] == 1
    tight.signal_workers(end)
    assert tight.ended(sent[0])["state"] == "done"
    if end == signal.SIGKILL:
        assert b"sla_workers_restarted 1.0" in tight.ask("GET", "/metrics").body
    assert tight.ended(sent[3])["state"] == "done" and tight.get(sent[1])["state"] == "done"
    assert glosses(tight.get(sent[1])) == ["NORD", "REGEN"]
    assert tight.ask("GET", f"/v1/transcripts/{sent[2]}").status == 404


def test_a_damaged_result_counts_as_none(tight: Running, state: Path, tmp_path: Path) -> None:
    place = tight.send(video(tmp_path), wait=60).headers["location"]
    result = state / "jobs" / place.rpartition("/")[2] / "result.json"
    for data in (result.read_bytes()[:40], b"\xff", b"{}", NESTED):
        result.write_bytes(data)
        assert tight.ask("GET", place).status == tight.ask("GET", f"{place}.eaf").status == 404
    assert tight.ask("GET", f"{place}.html").status == 200


def test_only_the_token_opens_it(tight: Running, tmp_path: Path) -> None:
    for wrong in ("", "Bearer", "Bearer 0123456789abcdeF", "Basic 0123456789abcdef", f"Bearer {'x' * 5000}"):
        for method, path in (("POST", "/v1/transcripts"), ("GET", "/v1/transcripts/x"), ("GET", "/metrics")):
            reply = Running(tight.port, tight.process).ask(method, path, Authorization=wrong)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
    assert Running(tight.port, tight.process).ask("GET", "/health").status == 200
    assert tight.ask("GET", "/v1/transcripts/x").status == 404


def test_a_video_of_too_many_bytes_is_refused_before_and_while_it_comes(tight: Running) -> None:
    assert tight.send(b"\0" * 600_000).status == 413
    pieces = (b"\0" * 50_000 for _ in range(20))  # without a length
    assert tight.ask("POST", "/v1/transcripts", pieces).status == 413
    end = FORM + b"\0\r\n--x--\r\n"
    for before in (FORM.partition(b"hello")[0], end):  # in another field, and after the end of the form
        body = itertools.chain([before], (b"\0" * 100_000 for _ in range(30)))
        reply = tight.ask("POST", "/v1/transcripts", body, Content_Type="multipart/form-data; boundary=x")
        assert reply.status == 413, reply
    assert tight.ask("GET", "/health").json["waiting"] == 0


def test_a_client_that_reads_after_it_has_sent_gets_the_refusal(tight: Running, opened: Running) -> None:
    assert tight.send(b"\0" * 30_000_000).status == 413
    assert opened.ask("POST", "/v1/transcripts", b"\0" * 30_000_000, Origin="http://evil.example").status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421), ({"Host": "127.0.0.1:1"}, 421), ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403), ({"Origin": "http://localhost:1"}, 403), ({"Origin": "http://["}, 403),
    ],
)  # fmt: skip
def test_other_names_and_other_sites_are_refused(opened: Running, headers: dict[str, str], status: int) -> None:
    for method, path in (("GET", "/"), ("POST", "/v1/transcripts"), ("GET", "/v1/live"), ("GET", "/health")):
        assert opened.ask(method, path, **headers).status == status
    assert opened.ask("GET", "/health", Origin=f"http://127.0.0.1:{opened.port}").status == 200
    capitals = f"LocalHost:{opened.port}"
    assert opened.ask("GET", "/health", Host=capitals, Origin=f"http://{capitals.lower()}").status == 200


def test_the_page_and_its_files_come_from_here(opened: Running) -> None:
    reply = opened.ask("GET", "/")
    assert reply.status == 200 and b"http" not in reply.body and b"deleted" in reply.body
    assert reply.headers["content-security-policy"].startswith("default-src 'self'")
    assert "access-control-allow-origin" not in reply.headers
    for path in ("/assets/../service.py", "/assets/service.py", "/assets/%2e%2e%2fservice.py", "/v1/transcripts/.eaf"):
        assert opened.ask("GET", path).status == 404
    for path in ("/assets/service.py", "/nowhere"):
        assert opened.ask("GET", path).json == {"error": "there is nothing at this path"}
    plain = opened.ask("GET", "/v1/live")
    assert plain.status == 404 and "only a WebSocket" in plain.json["error"]
    wrong = opened.ask("PUT", "/v1/transcripts")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    for path, allowed in (("/v1/transcripts/x", "DELETE, GET, HEAD"), ("/", "GET, HEAD")):
        assert opened.ask("PUT", path).headers["allow"] == allowed
    assert wrong.json == {"error": "this path does not take the method"}


@pytest.mark.ci
def test_who_sends_or_waits_when_the_service_ends_is_told_so(run: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with service(run, "--streams", "0", "--state", state) as own, ThreadPoolExecutor(1) as pool:
        own.ready()
        own.signal_workers(signal.SIGSTOP)
        waiting = pool.submit(own.send, video(tmp_path), 100)
        until(lambda: b"sla_transcripts_running 1.0" in own.ask("GET", "/metrics").body)
        with socket.create_connection(("127.0.0.1", own.port)) as sending:
            head = f"POST /v1/transcripts HTTP/1.1\r\nHost: 127.0.0.1:{own.port}\r\nContent-Length: 9\r\n\r\n"
            sending.sendall(head.encode() + b"1")
            until(lambda: b"sla_transcripts_waiting 1.0" in own.ask("GET", "/metrics").body)
            own.process.send_signal(signal.SIGTERM)
            answer = sending.makefile("rb").read()
        reply = waiting.result()
        while own.process.poll() is None:  # a second signal does not cut short what deletes the video
            own.process.send_signal(signal.SIGTERM)
            time.sleep(0.001)
    assert answer.startswith(b"HTTP/1.1 503 ") and answer.endswith(b'{"error":"the service ends"}')
    assert (reply.status, reply.json) == (503, {"error": "the service ends"}) and int(reply.headers["retry-after"]) > 0
    assert not list((state / "jobs").iterdir()), "nobody knows the ids"


@pytest.mark.ci
@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("nohup", [False, True])
def test_a_closed_terminal_ends_the_service_unless_nohup_started_it(run: Path, nohup: bool) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
    with service(run, "--streams", "0") as own:
        own.process.send_signal(signal.SIGHUP)
        if nohup:
            own.ready()
        else:
            assert own.process.wait(PATIENCE) == 128 + signal.SIGTERM


@pytest.mark.ci
def test_a_restart_goes_on_with_what_waits(run: Path, tmp_path: Path) -> None:
    """Killed with one job running and one waiting; then ended in the usual way, with a result."""
    state, data = tmp_path / "state", video(tmp_path)
    with service(run, "--streams", "0", "--state", state) as first:
        first.ready()
        worker = first.workers[0]
        os.kill(worker, signal.SIGSTOP)
        sent = [first.send(data).json["id"] for _ in range(2)]
        until(lambda: first.get(sent[0])["state"] == "running")
        second = subprocess.run(
            [sys.executable, "-m", "sla_cli", "serve", run, "--port", "0", "--state", state],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert second.returncode == 2 and "another `sla serve` uses this state folder" in second.stderr
        first.process.kill()
        first.process.wait()
        os.kill(worker, signal.SIGCONT)
        until(lambda: has_ended(worker))
    half = state / "jobs" / new_id()
    half.mkdir()
    (half / "upload").write_bytes(b"cut off")
    with service(run, "--streams", "0", "--state", state) as again:
        assert [glosses(again.ended(name)) for name in sent] == [["NORD", "REGEN"]] * 2
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait() == 128 + signal.SIGTERM
        assert again.process.stderr is not None
        printed = again.process.stderr.read()
        assert "Traceback" not in printed and not any(name in printed for name in sent)
    assert {path.name for path in (state / "jobs").iterdir()} == set(sent)
    assert not list(state.rglob("upload"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--host", "0.0.0.0"), "--no-token if a reverse proxy"),
        (("--token-file", "short"), "holds no token"),
        (("--token-file", "none"), "Name another one, or put it there"),
        (("--token-file", "/dev/zero"), "it is a device, not a regular file"),
        (("--token-file", "pipe"), "it is a pipe, not a regular file"),
        (("--token-file", "huge"), "it has more than 8,192 bytes"),
        (("--no-token", "--token-file", "short"), "contradict each other"),
        (("--no-token", "--host", "192.0.2.1"), "192.0.2.1, port 0, cannot be used: Cannot assign requested address"),
        (("--no-token", "--host", "a..b"), "a..b, port 0, cannot be used: no machine can have this name"),
        (("--state", "short"), "short is a file, and short is to be a folder"),
        (("--lm", "none.arpa", "--workers", "64"), "none.arpa"),
        (("--contact", "Ada\nBo"), "--contact is 'Ada\\nBo', not one line"),
    ],
)
def test_what_cannot_be_served_is_said(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usual_signals: None, options: Any, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short").write_text("short\n")
    os.mkfifo("pipe")
    with Path("huge").open("wb") as file:
        file.truncate(1 << 40)
    assert sentence in refused("serve", str(run), "--port", "0", *options)


@pytest.mark.ci
@pytest.mark.parametrize("limit", [(), ("--memory-gb", "0.1")], ids=["a damaged model", "too little memory"])
def test_a_model_that_cannot_be_opened_ends_the_service(run: Path, tmp_path: Path, limit: tuple[str, ...]) -> None:
    given = run
    if not limit:
        given = copy_run(tmp_path)
        (given / "best.safetensors").write_bytes(b"no weights")
    command = [sys.executable, "-m", "sla_cli", "serve", str(given), "--port", "0", *limit]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert answer.returncode == 2 and ("more memory" if limit else str(given)) in answer.stderr
    assert answer.stderr.count("error: ") == 1


@pytest.mark.ci
@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        (("--max-minutes", "0.01"), "the video is longer than 0.6 s"),
        (("--work-minutes", "0.001"), "recognition took longer than this service allows"),
    ],
)
def test_what_takes_too_much_is_refused_and_the_next_video_is_tried(
    run: Path, tmp_path: Path, limit: tuple[str, ...], sentence: str
) -> None:
    data = video(tmp_path, " ".join(["NORD"] * 40))
    with service(run, "--streams", "0", *limit) as server:
        server.ready()
        for _ in range(2):
            reply = server.send(data, wait=200)  # the second one also waits for a new process
            assert (reply.status, reply.json) == (422, {"error": sentence})


def test_the_guide_names_every_metric(opened: Running) -> None:
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", opened.ask("GET", "/metrics").body.decode(), re.MULTILINE))
    shown = {name: kind for name, kind in kinds.items() if not name.endswith("_created")}
    assert dict(re.findall(r"^\| `(sla_\w+)` \| (\w+) \|", GUIDE, re.MULTILINE)) == shown


@pytest.mark.ci
def test_the_commands_of_the_guide_start_it_and_ask_it(run: Path, tmp_path: Path) -> None:
    demo, start, ask = re.findall(r"^\$ ((?:sla|curl) .*)$", GUIDE, re.MULTILINE)
    kept = tmp_path / shlex.split(demo, comments=True)[3]
    shutil.copytree(run.parents[1], kept / "work")
    (kept / "work" / "runs" / "adapter").rename(kept / "work" / "runs" / "adapter-1")
    made = movie(tmp_path / "video.mp4", images_of("NORD REGEN"), "-crf", "0", "-pix_fmt", "yuv444p")
    made.rename(kept / "page-video.webm")
    with service(tmp_path / shlex.split(start, comments=True)[2]) as server:
        server.ready()
        command = shlex.split(ask.replace(":8000", f":{server.port}"))
        answer = subprocess.run(["curl", "-s", *command[1:]], cwd=tmp_path, capture_output=True, check=True)
    assert glosses(json.loads(answer.stdout)) == ["NORD", "REGEN"]
