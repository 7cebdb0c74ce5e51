"""What a terminal and a pipe show of segments."""

from __future__ import annotations

import os
import pty
import select
import sys

import pytest

from sla_cli.live.display import changing_lines, lines
from sla_cli.transcribe.segments import Segment

SEGMENTS = (
    Segment(0, False, "NORD REGEN", ["NORD", "REGEN"], [3661.26, 3662.0], [3661.9, 3662.5], [0.9, 0.8], 1, 3663.0),
    Segment(0, True, "NORD SONNE", ["NORD", "SONNE"], [3661.26, 3662.0], [3661.9, 3662.5], [0.9, 0.8], 2, 3664.0),
    Segment(1, False, "", [], [], [], [], 0, 3665.0),
    Segment(1, False, "[red] \x1b[2J", ["[red] \x1b[2J"], [3666.0], [3667.0], [0.5], 0, 3667.0),
)


def test_a_pipe_gets_a_line_for_each_complete_segment(capsys: pytest.CaptureFixture[str]) -> None:
    with lines() as show:
        for segment in SEGMENTS:
            show(segment)
    assert capsys.readouterr().out == "3661.26\t3662.50\tNORD SONNE\n"


def test_a_terminal_shows_glosses_that_may_change_dim(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with os.fdopen(there, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        with changing_lines() as show:
            for segment in SEGMENTS:
                show(segment)
        terminal.flush()
        shown = ""
        while select.select([here], [], [], 0.2)[0]:
            shown += os.read(here, 4096).decode()
        monkeypatch.undo()
    os.close(here)
    assert "1:01:01.3" in shown and "NORD\x1b[2m REGEN\x1b[0m" in shown  # the second one may still change
    assert "NORD SONNE\r\n" in shown
    assert r"[red] \x1b[2J" in shown and "\x1b[2J" not in shown
