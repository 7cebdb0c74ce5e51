"""Recordings without suggestions are recognised in a process of its own while the page is open."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recordings import copy_run, signed, sla
from serving import Served, served

from sla_cli.annotate.find import find_annotated
from sla_cli.annotate.scope import Scope
from sla_cli.annotate.suggest import Suggester
from sla_cli.annotation.eaf_read import read_eaf
from sla_cli.annotation.layout import Layout
from sla_cli.errors import WEB, SlaError

for module in WEB:
    pytest.importorskip(module, reason="needs the extra web")


def wait_for(server: Served, found: Callable[[list[Any]], bool]) -> list[Any]:
    """The queue, once it is as wanted."""
    until = time.monotonic() + 120
    while not found(queue := server.get("queue")):
        assert time.monotonic() < until, queue
        time.sleep(0.1)
    return queue


def worker_of(process: int) -> int:
    """The process that recognises."""
    for child in Path(f"/proc/{process}/task").glob("*/children"):
        for number in map(int, child.read_text().split()):
            if b"spawn_main" in Path(f"/proc/{number}/cmdline").read_bytes():
                return number
    raise AssertionError("there is none")


def test_without_pytorch_it_is_refused_at_the_start_if_something_is_to_be_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sla_cli.annotate.suggest.find_spec", lambda _: None)
    (tmp_path / "a.mkv").touch()
    found = find_annotated([tmp_path], Scope("SIGN", ("GLOSS",), "", "anna"))
    suggester = Suggester(tmp_path / "run", tmp_path, Layout("SIGN", confidence=True))
    with pytest.raises(SlaError, match="computing with a model needs torch"), suggester.working(found):
        pass
    with suggester.working([]):
        pass


def test_a_process_that_cannot_be_started_is_said_before_the_page_opens(
    tmp_path: Path, limit_processes: Callable[[int], None]
) -> None:
    (tmp_path / "a.mkv").touch()
    found = find_annotated([tmp_path], Scope("SIGN", ("GLOSS",), "", "anna"))
    limit_processes(0)
    suggester = Suggester(tmp_path / "run", tmp_path, Layout("SIGN", confidence=True))
    with pytest.raises(SlaError, match="a process cannot be started"), suggester.working(found):
        pass


@pytest.mark.ci  # starts a process that imports PyTorch
def test_recordings_without_suggestions_are_recognised(tmp_path: Path) -> None:
    copy_run(tmp_path)
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("a.mkv", "b.mkv", "d.mkv"):
        signed(videos / name, "NORD REGEN")
    (videos / "c.mkv").write_bytes(b"no video")
    with served(videos / "b.mkv") as first:  # b has glosses, but no suggestions
        first.edit(0, "", type="add", tier="GLOSS", start=0, end=40, text="ICH")
    own = (videos / "b.eaf").read_bytes()
    sla("transcribe", str(videos / "d.mkv"), "--run", str(tmp_path / "old/runs/adapter"), "-o", str(videos / "d.eaf"))
    before = (videos / "d.eaf").read_bytes()
    with served(videos, "--run", tmp_path / "old/runs/adapter", "--work", tmp_path / "old") as server:
        assert server.get("about")["vocabulary"] == ["GRAD", "NORD", "REGEN", "SONNE"]
        queue = wait_for(server, lambda queue: all(not one["state"] or "failed" in one["state"] for one in queue))
        assert [one["counts"]["open"] for one in queue] == [2, 2, 0, 2]
        assert "c.mkv does not open as a video" in queue[2]["state"]
        entries = server.get("recordings/1")["tiers"]
    assert [entry[2] for entry in entries["SIGN"].values()] == ["NORD", "REGEN"]
    assert all(0 < entry[4] <= 1 for entry in entries["SIGN"].values())
    assert [entry[2] for entry in entries["GLOSS"].values()] == ["ICH"]
    lines = iter((videos / "b.eaf").read_bytes().splitlines())
    assert all(line in lines for line in own.splitlines() if b"lastUsedAnnotationId" not in line)
    assert (videos / "d.eaf").read_bytes() == before
    assert [tier.name for tier in read_eaf((videos / "a.eaf").read_bytes(), "a.eaf").tiers] == [
        "SIGN",
        "SIGN-confidence",
    ]


@pytest.mark.ci
def test_a_recognition_that_dies_is_a_sentence_and_the_page_stays(tmp_path: Path) -> None:
    copy_run(tmp_path)
    signed(tmp_path / "a.mkv", "NORD REGEN")
    with served(tmp_path / "a.mkv", "--run", tmp_path / "old/runs/adapter", "--work", tmp_path / "old") as server:
        os.kill(worker_of(server.process.pid), signal.SIGKILL)
        [one] = wait_for(server, lambda queue: queue[0]["state"] != "waiting")
        assert one["state"] == "failed: the recognition ended unexpectedly (exit code -9)"
        assert server.edit(0, "", type="add", tier="GLOSS", start=0, end=40, text="ICH")[0] == 200
