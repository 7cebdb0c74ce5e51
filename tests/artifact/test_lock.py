"""One process at a time in a folder, or several that share it; and disks without locks."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import shim

from sla_cli.artifact import lock
from sla_cli.artifact.lock import locked, locked_while_made
from sla_cli.errors import SlaError

HOLDER = """
import sys
from pathlib import Path
from sla_cli.artifact.lock import locked

with locked(Path(sys.argv[1]), "busy", shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held(folder: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a folder until it gets a line."""
    command = [sys.executable, "-c", HOLDER, str(folder), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.communicate("\n")


@pytest.mark.parametrize("theirs", ["alone", "shared"])
@pytest.mark.parametrize("ours", ["alone", "shared"])
def test_those_that_share_a_folder_hold_it_together_and_others_alone(tmp_path: Path, theirs: str, ours: str) -> None:
    with held(tmp_path, theirs):
        if theirs == ours == "shared":
            with locked(tmp_path, "busy", shared=True):
                pass
        else:
            with pytest.raises(SlaError, match="busy"), locked(tmp_path, "busy", shared=ours == "shared"):
                pass
    with locked(tmp_path, "busy"):
        pass


def test_a_folder_that_another_holds_is_refused_at_once_and_stays(tmp_path: Path) -> None:
    with held(tmp_path / "made", "alone"):
        with pytest.raises(SlaError, match="busy"), locked_while_made(tmp_path / "made", "busy"):
            pass
        assert (tmp_path / "made" / lock.LOCK).is_file()


def test_a_folder_that_another_process_removes_meanwhile_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two commands that end with a recording at the same moment."""
    make, folder = os.mkdir, tmp_path / ".c1.lock"

    def late(path: Path, mode: int) -> None:  # as if the folder was removed just after this
        monkeypatch.setattr(os, "mkdir", make)
        raise FileExistsError(errno.EEXIST, "File exists", str(path))

    monkeypatch.setattr(os, "mkdir", late)
    with locked_while_made(folder, "busy"):
        pass
    folder.mkdir()  # nor does the empty folder stay, whose lock the other has removed
    with locked_while_made(folder, "busy"):
        pass
    assert not list(tmp_path.iterdir())


def test_waiting_ends_when_the_folder_is_free(tmp_path: Path) -> None:
    with held(tmp_path, "shared") as other:
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
        with locked(tmp_path, "busy", wait=True):
            assert other.wait(timeout=200) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="there is /proc on Linux only")
def test_where_no_file_can_be_is_said(tmp_path: Path) -> None:
    (tmp_path / lock.LOCK).symlink_to(tmp_path / "gone" / "away")
    for folder in (Path("/proc"), tmp_path):
        with pytest.raises(SlaError, match="cannot write"), locked(folder, "busy"):
            pass


def test_what_helps_on_a_disk_that_cannot_be_written(small_disk: Path) -> None:
    for state, helps in (("ro", "permissions"), ("rw,nr_inodes=1", "Free space")):
        subprocess.run(["mount", "-o", f"remount,{state}", str(small_disk)], check=True)
        with pytest.raises(SlaError, match="cannot write") as caught, locked(small_disk / "made", "busy"):
            pass
        assert helps in caught.value.hint


def test_a_file_or_a_link_that_leads_nowhere_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("gone")
    for name in ("file", "link"):
        with pytest.raises(SlaError, match=f"{name}: it is not a folder"), locked(tmp_path / name, "busy"):
            pass


def test_a_folder_without_locks_is_held_with_one_warning(tmp_path: Path) -> None:
    library, folder = shim.built(tmp_path), tmp_path / "new" / "folder"
    command = [sys.executable, "-c", HOLDER, str(folder), "alone"]
    answer = subprocess.run(
        command, input="\n", env=shim.environment(library, ENOLCK=1), capture_output=True, text=True, check=True
    )
    assert answer.stdout == "held\n"
    assert answer.stderr.count("has no file locks: do not let two commands write into it at once") == 1
    assert str(folder) in answer.stderr


@pytest.mark.usefixtures("usual_signals")
@pytest.mark.parametrize("wait", [False, True])
def test_an_interrupt_at_any_line_of_locking_leaves_nothing(tmp_path: Path, wait: bool) -> None:
    for number in count(1):
        if not _interrupts(number, tmp_path / "made" / "inner", wait):
            break
        assert not list(tmp_path.iterdir()), number
    assert number > 15  # lines in which a process was interrupted


def _interrupts(number: int, folder: Path, wait: bool) -> bool:
    """Lock a folder, with Ctrl-C before the line of this number. Whether there are so many lines until it is locked."""
    lines = count(1)

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != lock.__file__ or frame.f_code.co_name == "locked_while_made":
            return None
        if event == "line" and next(lines) == number:
            sys.settrace(None)
            os.kill(os.getpid(), signal.SIGINT)
        return trace

    before = sys.gettrace()
    try:
        sys.settrace(trace)
        with locked_while_made(folder, "busy", wait=wait):
            sys.settrace(before)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
