"""Unusual terminals, encodings and folders: the command works, or refuses with one sentence; never a traceback."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
from decode_work import write_emissions_and_lm, write_store
from typer.testing import CliRunner

from sla_cli.cli.main import app, refusals

Ended = subprocess.CompletedProcess[bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("work")
    write_store(place)
    write_emissions_and_lm(place)
    for name, glosses in (("ref", "\u4e0b\u96e8 \u5317"), ("hyp", "\u4e0b\u96e8 \u5357")):
        (place / f"{name}.csv").write_text(f"id,gloss\na,{glosses}\nb,\u5317\n", encoding="utf-8")
    (place / "loop").symlink_to("loop")
    return place


def sla(folder: Path, *arguments: str, **environment: str) -> Ended:
    command = [sys.executable, "-m", "sla_cli", *arguments]
    return subprocess.run(command, cwd=folder, env={**os.environ, **environment}, capture_output=True, check=False)


@pytest.mark.parametrize(
    ("command", "columns", "lines", "width"),
    [
        ("check store", "0", "0", "0"),
        ("check store", "8", "-3", "-3"),
        ("check --help", "x", "\u00b2", "\u00b2"),
        ("check --help", "9" * 5000, "9" * 5000, "1000000000"),
    ],
)
def test_sizes_that_no_terminal_has(folder: Path, command: str, columns: str, lines: str, width: str) -> None:
    ended = sla(folder, *command.split(), COLUMNS=columns, LINES=lines, TERMINAL_WIDTH=width)
    assert ended.returncode in (0, 3), ended.stderr.decode()
    assert b"Traceback" not in ended.stderr
    printed = ended.stdout.decode()
    assert "REGEN" in printed or "clips" in printed
    assert max(map(len, printed.splitlines())) <= 10_000


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_tables_have_no_codes_of_colours_where_such_are_forced(folder: Path, variable: str) -> None:
    ended = sla(folder, "score", "hyp.csv", "--ref", "ref.csv", "--details", **{variable: "1"})
    assert ended.returncode == 0, ended.stderr.decode()
    assert b"reference  hypothesis" in ended.stdout
    assert b"x1b" not in ended.stdout and b"\x1b" not in ended.stdout


@pytest.mark.parametrize(("encoding", "shown"), [("latin-1", r"\u5317"), ("cp1252", r"\u5317"), ("utf-8", "\u5317")])
def test_output_that_cannot_show_all_letters(folder: Path, encoding: str, shown: str) -> None:
    ended = sla(folder, *["score", "hyp.csv", "--ref", "ref.csv", "--details"], PYTHONIOENCODING=encoding)
    assert ended.returncode == 0, ended.stderr.decode(encoding)
    printed = ended.stdout.decode(encoding)
    assert "WER" in printed and shown in printed and "?" not in printed


@pytest.mark.parametrize(
    "arguments",
    ["decode dev.h5 --work loop", "decode dev.h5 -o /proc/x", "decode dev.h5 -o loop/x", "demo --keep /proc/x"],
)
def test_places_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: str) -> None:
    monkeypatch.chdir(folder)
    ended = CliRunner().invoke(app, arguments.split())
    assert ended.exit_code == 2 and isinstance(ended.exception, SystemExit), ended.stderr
    assert ended.stderr.count("error: ") == 1


@pytest.mark.parametrize("command", [["prep", "folder", "x"], ["info", "/proc/version"]])
def test_a_current_folder_that_was_removed(folder: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "gone").mkdir()
    with chdir(tmp_path / "gone"):
        (tmp_path / "gone").rmdir()
        ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 2 and ended.stderr.startswith("error: the current folder was removed\nhint: ")


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """As in a container whose disks are read-only; torch needs one when it is imported."""
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc"])
    with pytest.raises(SystemExit, match="2"), refusals():
        tempfile.gettempdir()
    assert capsys.readouterr().err.startswith("error: no folder for temporary files can be written\nhint: Set TMPDIR")


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTEMPTY, errno.ENOSPC])
def test_what_another_program_does_to_files_meanwhile_is_no_traceback(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"), refusals():
        raise OSError(number, os.strerror(number), "run/tensorboard")
    assert capsys.readouterr().err.startswith(f"error: cannot read or write run/tensorboard: {os.strerror(number)}\n")


def test_too_little_memory_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"), refusals():
        np.empty(2**61, np.uint8)
    assert capsys.readouterr().err.startswith("error: there is not enough memory: Unable to allocate")


def test_ctrl_c_while_python_exits_is_no_traceback() -> None:
    late = "import atexit, os, signal; atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))"
    code = f"{late}; from sla_cli.cli.main import run; run()"
    ended = subprocess.run([sys.executable, "-c", code, "--version"], capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_line_feed_in_a_name_forges_no_message(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a\n\nerror: b.csv").write_text("id,gloss\na,b,c\n")
    (tmp_path / "c\nwarning: d.csv").write_text("id,gloss\na,b\n")
    both = str(tmp_path / "a\n\nerror: b.csv"), "--ref", str(tmp_path / "c\nwarning: d.csv")
    said = sla(folder, "score", "-q", *both).stderr.decode()
    assert [line.partition(" ")[0] for line in said.splitlines()] == ["error:", "hint:"], said
    assert r"a\n\nerror: b.csv" in said
