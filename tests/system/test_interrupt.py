"""Ctrl-C waits for the end of what must not be half done."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sla_cli.artifact.lock import LOCK, locked_while_made
from sla_cli.system.interrupt import uninterrupted


@pytest.mark.usefixtures("usual_signals")
def test_an_interrupt_comes_after_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done.append("block")
    assert done == ["block"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_is_not_interrupted_anyway() -> None:
    def block() -> str:
        with uninterrupted():
            return "done"

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(block).result() == "done"


@pytest.mark.usefixtures("usual_signals")
def test_an_interrupt_leaves_no_lock_of_what_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = Path.unlink

    def interrupted(path: Path, missing_ok: bool = False) -> None:
        if path.name == LOCK:
            os.kill(os.getpid(), signal.SIGINT)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", interrupted)
    with pytest.raises(KeyboardInterrupt), locked_while_made(tmp_path / "a" / "b", "busy", wait=False):
        pass
    assert list(tmp_path.iterdir()) == []
