"""Changing a file that others change too: nothing is lost."""

from __future__ import annotations

import stat
from multiprocessing import get_context
from pathlib import Path

import pytest

from sla_cli.artifact.edit_file import edit_file
from sla_cli.errors import SlaError


def add(path: Path, line: str, times: int) -> None:
    for number in range(times):
        edit_file(path, lambda data, number=number: data + f"{line}{number}\n".encode())


def test_changes_of_many_processes_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("first\n")
    context = get_context("fork")
    workers = [context.Process(target=add, args=(path, name, 20)) for name in "abcd"]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert [one.exitcode for one in workers] == [0] * 4
    wanted = [f"{name}{number}" for name in "abcd" for number in range(20)]
    assert sorted(path.read_text().splitlines()) == sorted(["first", *wanted])
    assert list(tmp_path.iterdir()) == [path]


def test_what_another_program_writes_in_between_is_kept(tmp_path: Path) -> None:
    path, calls = tmp_path / "file", list[bytes]()
    path.write_bytes(b"one ")

    def change(data: bytes) -> bytes:
        calls.append(data)
        if len(calls) == 1:  # a program that replaces the file, and knows of no lock
            other = tmp_path / "other"
            other.write_bytes(b"two ")
            other.replace(path)
        return data + b"ours"

    edit_file(path, change)
    assert calls == [b"one ", b"two "]
    assert path.read_bytes() == b"two ours"


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    path.write_bytes(b"a")
    path.chmod(0o640)
    link.symlink_to("file")
    edit_file(link, lambda data: data + b"b")
    assert link.is_symlink() and path.read_bytes() == b"ab"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_error_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a")

    def fail(data: bytes) -> bytes:
        raise SlaError("no")

    with pytest.raises(SlaError, match="no"):
        edit_file(path, fail)
    path.chmod(0o444)
    with pytest.raises(SlaError, match="read-only"):
        edit_file(path, lambda data: data + b"b")
    assert path.read_bytes() == b"a" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(SlaError, match="none"):
        edit_file(tmp_path / "none", lambda data: data)
