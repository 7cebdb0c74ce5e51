"""Only one process at a time in a folder, on disks with and without locks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import shim

from sla_cli.artifact import sole_writer
from sla_cli.artifact.sole_writer import OWNER
from sla_cli.errors import SlaError

HOLDER = """
import os, sys, time
from pathlib import Path
from sla_cli.errors import SlaError
from sla_cli.artifact.sole_writer import sole_writer

try:
    with sole_writer(Path(sys.argv[1]), "busy", "wait") as hold:
        child = os.fork() if sys.argv[2:] == ["forks"] else 1
        if not child:
            time.sleep(600)
            os._exit(0)
        print("held", child, flush=True)
        sys.stdin.readline()
        hold.check()
except SlaError as error:
    print(error.message, flush=True)
"""
DEAD = 2**22 + 1  # above Linux's largest process number


@pytest.fixture(params=["locks", "no locks"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a process on such a disk."""
    return dict(os.environ) if request.param == "locks" else shim.environment(shim.built(tmp_path), ENOLCK=1)


@contextmanager
def started(folder: Path, environment: dict[str, str], *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that wants a folder, and its first word."""
    command = [sys.executable, "-c", HOLDER, str(folder), *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline()
        finally:
            process.kill()


def test_a_second_process_is_refused_until_the_first_ends(tmp_path: Path, disk: dict[str, str]) -> None:
    folder = tmp_path / "run"
    with started(folder, disk) as (first, word):
        assert word == "held 1\n"
        with started(folder, disk) as (_, answer):
            assert answer == "busy\n"
        out, _ = first.communicate("\n")
        assert out == "", "the first lost nothing"
    assert not (folder / OWNER).exists()
    with started(folder, disk) as (_, word):
        assert word == "held 1\n"


def test_an_owner_without_locks_is_seen_by_one_that_has_them(tmp_path: Path) -> None:
    """A disk may be mounted with locks on one host and without on another."""
    folder = tmp_path / "run"
    with started(folder, shim.environment(shim.built(tmp_path), ENOLCK=1)) as (_, word):
        assert word == "held 1\n"
        with started(folder, dict(os.environ)) as (_, answer):
            assert answer == "busy\n"


def test_a_killed_process_holds_nothing_nor_do_its_children(tmp_path: Path, disk: dict[str, str]) -> None:
    folder = tmp_path / "run"
    with started(folder, disk, "forks") as (first, word):
        child = int(word.split()[1])
        first.send_signal(signal.SIGKILL)
        first.wait()
        with started(folder, disk) as (_, answer):
            assert answer == "held 1\n"
        os.kill(child, signal.SIGKILL)


def test_a_silent_owner_elsewhere_is_taken_over_and_its_file_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sole_writer, "BEAT", 0.1)
    monkeypatch.setattr(sole_writer, "PATIENCE", 1.0)
    (tmp_path / OWNER).write_text(f"elsewhere 1 {os.getpid()} 0123 000000000007\n")
    with sole_writer.sole_writer(tmp_path, "busy", "wait") as hold:
        hold.check()
        assert (tmp_path / OWNER).read_text().startswith(f"{socket.gethostname()} ")
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


@pytest.mark.parametrize("name", [OWNER, ".lock"])
def test_an_owner_whose_folder_was_taken_gets_an_error_before_it_writes(tmp_path: Path, name: str) -> None:
    (tmp_path / OWNER).write_text(f"{socket.gethostname()} {sole_writer.namespace()} {DEAD} 0123 000000000007\n")
    with sole_writer.sole_writer(tmp_path, "busy", "wait") as hold:
        hold.check()
        (tmp_path / name).unlink()
        hold.check()
        (tmp_path / name).write_text("of another")
        with pytest.raises(SlaError, match="another process has taken"):
            hold.check()
    assert (tmp_path / name).read_text() == "of another"
