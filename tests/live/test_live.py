"""`sla live`: what it prints and writes is what a stream recognises, however it ends."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import forked
import msgspec
import pympi
import pytest
from forked import Forked
from recordings import copy_run, images_of, refused, signed
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.core.clip import Source
from sla_cli.errors import SlaError
from sla_cli.live import results
from sla_cli.live.results import Results
from sla_cli.system import atomic
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.segments import Segment, Segments
from sla_cli.video.frames import FrameReader

RUN = ("--run", "old/runs/adapter")
SENTENCE = "NORD REGEN SONNE GRAD"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run; a video of a sentence, and one of a minute."""
    folder = tmp_path_factory.mktemp("live")
    copy_run(folder)
    (folder / "dangling.mkv").symlink_to("nothing.mkv")
    (folder / "a.zip").touch()
    signed(folder / "a.mkv", SENTENCE)
    signed(folder / "long.mkv", " ".join([SENTENCE] * 40))
    return folder


@pytest.fixture
def folder(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, in which `out` is empty."""
    monkeypatch.chdir(work)
    (work / "out").unlink(missing_ok=True)
    (work / "out").symlink_to(tmp_path)
    return work


@pytest.fixture(scope="module")
def expected(work: Path) -> list[dict[str, Any]]:
    """The messages about the sentence, from the frames as they are."""
    with Recognizer.open(work / "old" / "runs" / "adapter") as model:
        stream, segments = model.stream(), Segments()
        frames = [image[..., ::-1].copy() for image in images_of(SENTENCE)]
        found = [one for number, frame in enumerate(frames) for one in segments.add(stream.push(frame, number / 25))]
        return [dict(msgspec.to_builtins(one)) for one in [*found, *segments.add(stream.finish())]]


def live(*arguments: str) -> str:
    answer = CliRunner().invoke(app, ["live", *RUN, *arguments])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def signs_in(path: Path) -> list[tuple[int, int, str]]:
    return [tuple(row[:3]) for row in pympi.Elan.Eaf(path).get_annotation_data_for_tier("SIGN")]


def wait_for(condition: Callable[[], object], process: Forked) -> None:
    while not condition():
        assert process.poll() is None, process.communicate(timeout=1)
        time.sleep(0.02)


def test_messages_of_a_file_are_those_of_the_stream(folder: Path, expected: list[dict[str, Any]]) -> None:
    found = [json.loads(line) for line in live("a.mkv", "--json").splitlines()]
    assert found == expected and found[-1]["is_final"] and len(found[-1]["tokens"]) > 2
    assert any(0 < one["fixed"] < len(one["tokens"]) for one in found)


def test_lines_and_files(folder: Path, expected: list[dict[str, Any]]) -> None:
    printed = live("a.mkv", "-o", "out/a.eaf", "--record", "out/a.mkv")
    final = [one for one in expected if one["is_final"]]
    assert [line.split("\t")[2] for line in printed.splitlines()] == [one["text"] for one in final]
    assert [gloss for *_, gloss in signs_in(Path("out/a.eaf"))] == [gloss for one in final for gloss in one["tokens"]]
    starts = [start for one in final for start in one["timestamps"]]
    assert [start / 1000 for start, *_ in signs_in(Path("out/a.eaf"))] == pytest.approx(starts, abs=1e-3)
    [media] = pympi.Elan.Eaf("out/a.eaf").get_linked_files()
    assert media["MEDIA_URL"].endswith("/a.mkv") and Path(media["MEDIA_URL"].removeprefix("file://")).samefile(
        "out/a.mkv"
    )
    taken, kept = ([time for time, _ in FrameReader(Source(Path(place), "a.mkv"))] for place in (".", "out"))
    assert kept == pytest.approx(taken, abs=1e-3)
    live("a.mkv", "-o", "out/a.srt", "--pause", "0.5", "--min-confidence", "1")
    assert "?" in Path("out/a.srt").read_text(encoding="utf-8")


def piped(video: Path, *arguments: str) -> None:
    reading, writing = os.pipe()
    threading.Thread(target=lambda: os.fdopen(writing, "wb").write(video.read_bytes())).start()
    os.dup2(reading, 0)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    forked.sla(*arguments)


def test_a_file_says_below_which_confidence_its_glosses_are_unknown(folder: Path) -> None:
    live("a.mkv", "-o", "out/a.eaf", "--min-confidence", "1")
    assert {gloss for *_, gloss in signs_in(Path("out/a.eaf"))} == {"?"}
    assert "? for glosses below 1<" in Path("out/a.eaf").read_text(encoding="utf-8")


def test_a_pipe(folder: Path, expected: list[dict[str, Any]]) -> None:
    process = Forked(piped, Path("a.mkv"), "live", "-", *RUN, "--json", printed=folder / "out")
    printed, reported = process.communicate(timeout=200)
    assert process.returncode == 0, reported
    assert [json.loads(line) for line in printed.splitlines()] == expected


@pytest.mark.ci  # another Python
def test_a_terminal_shows_what_may_change_dim(folder: Path) -> None:
    here, there = pty.openpty()
    command = [sys.executable, "-m", "sla_cli", "live", "a.mkv", *RUN]
    with subprocess.Popen(command, stdout=there, stderr=there, env={**os.environ, "COLUMNS": "90"}) as one:
        os.close(there)
        shown = b""
        with contextlib.suppress(OSError):  # the end
            while part := os.read(here, 4096):
                shown += part
    assert one.returncode == 0, shown
    assert b"\x1b[2m" in shown and b"0:00:0" in shown and b"REGEN" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_the_end_of_the_video(folder: Path, number: signal.Signals) -> None:
    files = ("-o", "out/a.eaf", "--record", "out/a.mkv")
    process = Forked(
        forked.sla, "live", "long.mkv", "--realtime", "--pause", "0.2", *files, *RUN, printed=folder / "out"
    )
    wait_for(lambda: Path("out/a.mkv").exists() and Path("out/a.mkv").stat().st_size > 20_000, process)
    process.send_signal(number)
    printed, reported = process.communicate(timeout=200)
    assert process.returncode == 0, reported
    frames = [time for time, _ in FrameReader(Source(Path("out"), "a.mkv"))]
    glosses = [gloss for *_, gloss in signs_in(Path("out/a.eaf"))]
    assert glosses and glosses == " ".join(line.split("\t")[2] for line in printed.splitlines()).split()
    assert frames[-1] >= signs_in(Path("out/a.eaf"))[-1][0] / 1000
    assert len(frames) < len(list(FrameReader(Source(Path(), "long.mkv")))) / 2


def test_a_machine_that_is_too_slow_leaves_frames_out_and_says_so(folder: Path) -> None:
    """Here it sleeps for some seconds, as a laptop does whose lid is closed."""
    process = Forked(forked.sla, "live", "long.mkv", "--realtime", "--json", *RUN, printed=folder / "out")
    wait_for(lambda: any(path.stat().st_size for path in Path("out").glob("stdout*")), process)
    process.send_signal(signal.SIGSTOP)
    time.sleep(4.0)
    process.send_signal(signal.SIGCONT)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    printed, reported = process.communicate(timeout=200)
    assert process.returncode == 0, reported
    assert "slower than the frames" in reported and "some are left out" in reported
    assert re.search(r"warning: \d+ of \d+ frames were left out", reported)
    messages = [json.loads(line) for line in printed.splitlines()]
    assert messages[-1]["is_final"] and messages[-1]["time"] > 4


def writing_often(*arguments: str) -> None:
    results.OFTEN = 0.2
    forked.sla(*arguments)


def test_a_kill_leaves_what_did_not_change_any_more(folder: Path) -> None:
    files = ("-o", "out/a.eaf", "--record", "out/a.mkv")
    process = Forked(writing_often, "live", "long.mkv", "--realtime", "--json", *files, *RUN, printed=folder / "out")
    wait_for(lambda: Path("out/a.eaf").exists() and len(signs_in(Path("out/a.eaf"))) > 2, process)
    process.kill()
    printed, _ = process.communicate(timeout=200)
    glosses = [gloss for *_, gloss in signs_in(Path("out/a.eaf"))]
    last = json.loads(printed.splitlines()[-1])
    assert glosses == last["tokens"][: len(glosses)] and len(glosses) <= last["fixed"]
    assert len(list(FrameReader(Source(Path("out"), "a.mkv")))) > 20


def test_a_source_that_fails_costs_nothing_that_was_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Path("long.mkv").read_bytes()
    Path("out/cut.mkv").write_bytes(whole[: len(whole) // 20])
    answer = CliRunner().invoke(app, ["live", "out/cut.mkv", "-o", "out/a.eaf", *RUN])
    assert answer.exit_code == 2 and "out/cut.mkv" in answer.stderr and "Traceback" not in answer.output
    assert signs_in(Path("out/a.eaf")) and "NORD" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.mp4",), "no such video: missing.mp4"),
        (("a.zip",), "a.zip is an archive hint: Give one video; `sla transcribe` reads archives."),
        (("",), "sla live is followed by an empty text"),
        (("a.mkv", "--record", "a.mkv/x.mkv"), "a.mkv is a file hint: Move it, or name a file elsewhere."),
        (("a.mkv", "--record", "dangling.mkv"), "dangling.mkv is a link that leads nowhere"),
        (("a.mkv", "-o", "out/x.doc"), "no annotation format has the extension '.doc'"),
        (("a.mkv", "-o", "a.mkv.eaf/x.eaf", "--record", "a.mkv"), "a.mkv exists, and a recording is never replaced"),
        (("a.mkv", "--record", "out/x.mp4"), "a recording is a Matroska file"),
        (("/dev/null",), "/dev/null is not a file"),
        (("a.mkv", "--hotword-weight", "1"), "no hot word is given"),
        (("a.mkv", "--hop", "1e9"), "'--hop'"),
        (("http://anna:s3cret@localhost:1/x",), "http://localhost:1/x does not answer"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    printed = refused("live", *arguments, *RUN)
    assert message in printed and "s3cret" not in printed
    assert not list(Path("out").iterdir())


def test_a_file_that_is_there_is_replaced_only_by_force(folder: Path) -> None:
    live("a.mkv", "-o", "out/a.eaf")
    assert "out/a.eaf exists" in refused("live", "a.mkv", "-o", "out/a.eaf", *RUN)
    live("a.mkv", "-o", "out/a.eaf", "--force")


def segments(count: int) -> Iterator[Segment]:
    for number in range(count):
        start = 2.0 * number
        yield Segment(number, True, "NORD", ["NORD"], [start], [start + 1], [0.9], 1, start + 1)


def test_a_file_that_somebody_changes_meanwhile_is_left_to_them(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    result = Results(path, "a", None, {}, force=False)
    first, second, third = segments(3)
    result.add(first)
    assert path.read_text(encoding="utf-8").count("NORD") == 1
    result.write(5.0)
    path.write_text("corrected")
    result.add(second)
    result.add(third)
    result.write(9.0)
    assert path.read_text(encoding="utf-8") == "corrected"
    assert (tmp_path / "a-2.srt").read_text(encoding="utf-8").count("NORD") == 3
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a-2.srt", "a.srt"]  # no copies


def test_a_file_that_becomes_read_only_meanwhile_is_left_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    result = Results(path, "a", None, {}, force=False)
    first, second, _ = segments(3)
    result.add(first)
    path.chmod(0o444)
    result.add(second)
    result.write(9.0)
    assert path.read_text(encoding="utf-8").count("NORD") == 1
    assert (tmp_path / "a-2.srt").read_text(encoding="utf-8").count("NORD") == 2


@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_appears_or_changes_before_the_first_sign_is_left_too(tmp_path: Path, force: bool) -> None:
    """Somebody made it, or another `sla live` of the same name."""
    path = tmp_path / "a.srt"
    if force:
        Results(path, "a", None, {}, force=False).write(1.0)
    both = [Results(path, "a", None, {}, force=force) for _ in range(2)]
    path.write_text("mine")
    (tmp_path / "a-2.srt").mkdir()
    for result in both:
        for one in segments(2):
            result.add(one)
        result.write(5.0)
    assert path.read_text(encoding="utf-8") == "mine"
    for number in (3, 4):
        assert (tmp_path / f"a-{number}.srt").read_text(encoding="utf-8").count("NORD") == 2


@pytest.mark.parametrize("moment", ["before the rename", "after it"])
def test_a_save_while_it_is_written_is_left_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Between the first look at the file and the rename, or just after the rename."""
    path = tmp_path / "a.srt"
    result = Results(path, "a", None, {}, force=False)
    for one in segments(2):
        result.add(one)
    result.write(5.0)
    flush = atomic._flush if moment == "before the rename" else atomic._flush_folder

    def flushed(place: Path, *arguments: Any) -> None:
        flush(place, *arguments)
        monkeypatch.undo()
        path.write_text("corrected")

    monkeypatch.setattr(atomic, flush.__name__, flushed)
    result.write(6.0)
    result.write(7.0)
    assert path.read_text(encoding="utf-8") == "corrected"
    assert (tmp_path / "a-2.srt").read_text(encoding="utf-8").count("NORD") == 2


def test_a_name_that_a_format_cannot_hold_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="a b"):
        Results(tmp_path / "x.ctm", "a b", None, {}, force=False)


def test_a_page_is_written_too(tmp_path: Path) -> None:
    result = Results(tmp_path / "a.html", "a", None, {"run": "x"}, force=False)
    for segment in segments(3):
        result.add(segment)
    result.write(7.0)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert page.count("NORD") > 3
    again = Results(tmp_path / "a.html", "a", None, {"run": "x"}, force=True)
    for duration in (8.0, 9.0):
        again.write(duration)
    assert [copy.read_text(encoding="utf-8") for copy in tmp_path.glob("*~")] == [page], "somebody may have edited it"
