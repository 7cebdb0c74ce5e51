"""A written file appears completely or not at all, whatever happens to the writer."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sla_cli.errors import SlaError
from sla_cli.system.atomic import atomic_write, is_temporary, remove_folder, temporary_path

# Writes half of its text, reports it, and continues on request.
WRITER = """
import signal, sys
from pathlib import Path
from sla_cli.system.atomic import atomic_write

# A job in the background ignores interrupts, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
with atomic_write(Path(sys.argv[1])) as temporary, temporary.open("w") as file:
    file.write(sys.argv[2]); file.flush()
    print("half", flush=True)
    sys.stdin.readline()
    file.write(sys.argv[2])
"""


def write(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text)


def start_writer(path: Path, text: str, inside: Sequence[str] = ()) -> subprocess.Popen[str]:
    command = [*inside, sys.executable, "-c", WRITER, str(path), text]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


@pytest.mark.parametrize("length", [100, 255])
def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("x" * length)
    process = start_writer(path, "half")
    process.kill()
    process.wait()
    assert len(names(tmp_path)) == 1
    left = temporary_path(path).name.replace(f"-{os.getpid()}-", f"-{process.pid}-")
    (tmp_path / left / "folder").mkdir(parents=True)
    write(path, "whole")
    assert names(tmp_path) == [path.name], "what the killed one left is removed"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["plain.txt", "no-suffix", "a [b] *?.txt", "été 日本.h5"])
def test_a_write_leaves_the_target_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / "folder" / name
    write(path, "one")
    write(path, "two")
    assert names(path.parent) == [name]
    assert path.read_text() == "two"


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open folders")
def test_the_content_and_then_the_new_name_are_flushed_to_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(stat.S_ISDIR(os.fstat(handle).st_mode)))
    write(tmp_path / "new", "text")
    assert flushed == [False, True]


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open folders")
def test_a_write_killed_after_its_file_has_its_name_leaves_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", lambda _: there.append(names(tmp_path)))
    with atomic_write(tmp_path / "new", check=lambda _: None) as temporary:
        temporary.write_text("text")
    assert there[1] == ["new"]


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SlaError("x")])
def test_an_exception_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    write(tmp_path / "old", "old")
    for name in ("old", "new"):
        with pytest.raises(type(error)), atomic_write(tmp_path / name) as temporary:
            temporary.write_text("half")
            raise error
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


def test_kill_leaves_no_target_and_the_next_write_removes_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a [b].txt"
    process = start_writer(path, "killed")
    process.kill()
    process.communicate()
    assert not path.exists()
    assert len(names(tmp_path)) == 1, "the killed writer's file"
    write(path, "whole")
    assert names(tmp_path) == [path.name]


def test_two_writers_do_not_mix_and_the_last_to_finish_wins(tmp_path: Path) -> None:
    path = tmp_path / "shared.txt"
    first, second = start_writer(path, "first "), start_writer(path, "second ")
    write(path, "ours")
    assert path.read_text() == "ours"
    for process, text in ((second, "second second "), (first, "first first ")):
        process.communicate("go on\n")
        assert process.returncode == 0
        assert path.read_text() == text
    assert names(tmp_path) == ["shared.txt"]


def test_a_file_that_appears_between_the_check_and_the_renaming_is_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "x"

    def check(_: Path) -> None:
        if path.exists():
            raise SlaError("somebody's")
        path.write_text("theirs")

    with pytest.raises(SlaError, match="somebody's"), atomic_write(path, check=check) as temporary:
        temporary.write_text("ours")
    assert (path.read_text(), names(tmp_path)) == ("theirs", ["x"])


def test_a_disk_without_hard_links_gets_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")  # as exFAT does

    monkeypatch.setattr(os, "link", refuse)
    with atomic_write(tmp_path / "x", check=lambda _: None) as temporary:
        temporary.write_text("text")
    assert ((tmp_path / "x").read_text(), names(tmp_path)) == ("text", ["x"])


DEAD = 2**22 + 1  # above Linux's largest process number


def own_namespace() -> str:
    link = Path("/proc/self/ns/pid")
    return str(link.readlink()).removeprefix("pid:[").removesuffix("]") if link.is_symlink() else "0"


def test_files_of_living_processes_other_hosts_and_containers_are_left_alone(tmp_path: Path) -> None:
    here, space = socket.gethostname(), own_namespace()
    kept = [f".x.elsewhere-{DEAD}.partial", f".x.{here}-{os.getppid()}.partial", f".xy.{here}-{DEAD}.partial"]
    kept += [f".x.{here}-{space}-{os.getppid()}-0123abcd.partial", f".x.{here}-7-{DEAD}-0123abcd.partial"]
    kept += [f".x.elsewhere-{space}-{DEAD}-0123abcd.partial", f".x.{here}-2-{DEAD}.partial"]
    for name in kept:
        (tmp_path / name).touch()
    left = [f".x.{here}-{space}-{DEAD}-0123abcd.partial", f".x.{here}-{space}-{DEAD}-89abcdef.partial"]
    for name in left:
        (tmp_path / name).touch()
    write(tmp_path / "x", "text")
    assert names(tmp_path) == sorted([*kept, "x"])


@pytest.mark.parametrize("check", [None, lambda _: None])
def test_a_file_that_has_its_name_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: Callable[[Path], None] | None
) -> None:
    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with atomic_write(tmp_path / "x", check=check) as temporary:
        temporary.write_text("text")
    assert (tmp_path / "x").read_text() == "text", "whatever is left beside it"


def test_a_folder_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), "d7")  # as of what is in it

    monkeypatch.setattr(shutil, "rmtree", refuse)
    with pytest.raises(SlaError, match=f"^cannot remove {re.escape(str(tmp_path))}: Directory not empty"):
        remove_folder(tmp_path)


def test_a_temporary_name_is_recognised(tmp_path: Path) -> None:
    for name in ("x", "x.y.tsv", "long" * 60):
        with atomic_write(tmp_path / name) as temporary:
            temporary.touch()
            assert is_temporary(temporary, name)
            assert not is_temporary(temporary, "y") and not is_temporary(tmp_path / name, name)
    assert is_temporary(tmp_path / ".x.node-1.cluster-7-8-0123abcd.partial", "x")
    assert not is_temporary(tmp_path / ".x.draft.partial", "x")


def test_containers_that_agree_in_host_and_process_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "shared.txt"
    inside = ["unshare", "--pid", "--fork", "--mount-proc"]  # each writer is process 1
    if (
        shutil.which("unshare") is None
        or subprocess.run([*inside, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no pid namespace can be made here")
    first, second = start_writer(path, "first ", inside), start_writer(path, "second ", inside)
    assert len(names(tmp_path)) == 2, "each has a separate file"
    for process, text in ((second, "second second "), (first, "first first ")):
        process.communicate("go on\n")
        assert process.returncode == 0
        assert path.read_text() == text
    assert names(tmp_path) == ["shared.txt"]


def test_threads_of_one_process_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert (path.read_text(), names(tmp_path)) == ("first", ["x"])


def test_a_full_disk_is_an_error_that_a_user_can_correct_and_leaves_what_was_there(small_disk: Path) -> None:
    write(small_disk / "old", "old")
    for name in ("old", "new"):
        with pytest.raises(SlaError, match=rf"cannot write .*{name}: No space left") as caught:
            write(small_disk / name, "x" * (3 << 20))
        assert "Free space" in caught.value.hint
    assert names(small_disk) == ["old"]
    assert (small_disk / "old").read_text() == "old"


def test_space_is_no_help_where_one_may_not_write(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SlaError, match=r"cannot write .*x: Read-only") as caught:
        write(small_disk / "x", "text")
    assert "permissions" in caught.value.hint and "space" not in caught.value.hint


def test_a_disk_that_does_not_flush_folders_keeps_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SMB and some FUSE disks; what is not flushed of the file itself is an error."""
    flush = os.fsync

    def refuse(handle: int, kind: int = stat.S_IFDIR) -> None:
        if stat.S_IFMT(os.fstat(handle).st_mode) == kind:
            raise OSError(errno.EINVAL, "Invalid argument")
        flush(handle)

    monkeypatch.setattr(os, "fsync", refuse)
    write(tmp_path / "x", "text")
    assert (tmp_path / "x").read_text() == "text"
    monkeypatch.setattr(os, "fsync", lambda handle: refuse(handle, stat.S_IFREG))
    with pytest.raises(SlaError, match=r"cannot write .*x: Invalid argument") as caught:
        write(tmp_path / "x", "new")
    assert "space" not in caught.value.hint
    assert ((tmp_path / "x").read_text(), names(tmp_path)) == ("text", ["x"])


def test_a_folder_that_cannot_be_made_is_an_error_that_a_user_can_correct(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SlaError, match="cannot write"):
        write(tmp_path / "file" / "x", "text")


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_not_a_file_is_not_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(path := tmp_path / "x")
    before = path.lstat()
    with pytest.raises(SlaError, match=r"cannot write .*x: it is (a folder|not a regular file)"):
        write(path, "text")
    assert path.lstat().st_ino == before.st_ino and names(tmp_path) == ["x"]


def test_terminated_writers_clean_up_after_an_interrupt(tmp_path: Path) -> None:
    process = start_writer(tmp_path / "x", "text")
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert names(tmp_path) == []


def test_a_file_that_others_may_not_read_is_not_replaced_by_one_that_they_may(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("private")
    path.chmod(0o600)
    with atomic_write(path, keep=True) as temporary:
        temporary.write_text("new")
    assert {stat.S_IMODE(one.stat().st_mode) for one in (path, tmp_path / "x.~1~")} == {0o600}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be somebody else")
def test_what_a_process_of_another_user_left_does_not_keep_one_from_writing(tmp_path: Path) -> None:
    shared = Path(tempfile.mkdtemp())  # tmp_path is closed to others
    shared.chmod(0o1777)
    left = temporary_path(shared / "x")
    left = left.with_name(left.name.replace(f"-{os.getpid()}-", "-999999999-"))
    left.touch()
    os.seteuid(65534)
    try:
        write(shared / "x", "text")
    finally:
        os.seteuid(0)
    assert (shared / "x").read_text() == "text" and left.exists()
    shutil.rmtree(shared)
