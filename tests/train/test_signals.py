"""Signals on which training stops are stored, Ctrl-C even if Python ignores it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sla_cli.train.signals import catching_signals, resume_command

pytestmark = pytest.mark.usefixtures("usual_signals")


def test_ctrl_c_interrupts_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), catching_signals():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_while_an_object_is_deleted_is_remembered() -> None:
    class Deleted:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(1000))  # the interrupt is raised here, and Python ignores it

    with catching_signals() as stop:
        deleted = Deleted()
        del deleted
        assert stop.signal == signal.SIGINT


def test_a_job_that_ignores_ctrl_c_goes_on_to() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with catching_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.signal == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_the_command_that_resumes_names_another_work_folder_than_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLA_WORK", raising=False)
    assert resume_command(Path("sla-work/runs/a run")) == "`sla train --resume --name 'a run'`"
    assert resume_command(Path("my work/runs/a")) == "`sla train --resume --name a --work 'my work'`"
    monkeypatch.setenv("SLA_WORK", "my work")
    assert resume_command(Path("my work/runs/a")) == "`sla train --resume --name a`"
    assert resume_command(Path("sla-work/runs/-a")) == "`sla train --resume --name -a --work sla-work`"
