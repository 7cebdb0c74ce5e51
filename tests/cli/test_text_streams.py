"""Text at the border: nothing is lost or ends in a traceback where the system cannot show or encode it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

from sla_cli.errors import CONTROL

GLOSS = "سوق"
PROGRAM = """
import os, sys
from pathlib import Path
from sla_cli.cli.main import fit_terminal
from sla_cli.cli.options import answer
fit_terminal()
path = Path(os.fsdecode(b"bad\\xff"))
found = {"gloss": "\\u0633\\u0648\\u0642 \\U0001f600", "path": path, "name": "\\x9b\\x7f\\u202e"}
answer("\\u0633\\u0648\\u0642", found, sys.argv[1] == "json")
"""
PLACES = {
    "utf-8": {"LC_ALL": "C.UTF-8"},
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def printed(place: str, *program: str) -> bytes:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run([sys.executable, *program], env=kept | PLACES[place], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("place", PLACES)
def test_json_is_valid_and_complete_wherever_it_is_printed(place: str) -> None:
    found = json.loads(printed(place, "-c", PROGRAM, "json").decode())
    assert found["gloss"] == f"{GLOSS} \U0001f600"
    assert os.fsencode(found["path"]) == b"bad\xff" and found["name"] == "\x9b\x7f\u202e"


def test_a_terminal_obeys_nothing_in_json() -> None:
    assert not CONTROL.search(printed("utf-8", "-c", PROGRAM, "json").decode().rstrip())


@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_output_leads_nowhere(closed: int) -> None:
    """As in `sla info x >&-`: Python then has no stream at all."""
    command = f"exec {shlex.quote(sys.executable)} -m sla_cli info gone {closed}>&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert done.returncode == 2 and b"Traceback" not in done.stdout + done.stderr
    assert (b"gone" in done.stderr) is (closed == 1)


@pytest.mark.parametrize("place", PLACES)
def test_lines_for_people_lose_no_character(place: str) -> None:
    found = printed(place, "-c", PROGRAM, "text").decode().strip()
    assert found == (r"\u0633\u0648\u0642" if place == "cp1252" else GLOSS)  # click writes UTF-8 where it finds ASCII


@pytest.mark.parametrize("command", [(), ("transcribe",)])
def test_help_is_shown_without_unicode(command: tuple[str, ...]) -> None:
    assert b"Usage" in printed("ascii", "-m", "sla_cli", *command, "--help")
