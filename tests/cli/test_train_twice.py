"""Two processes that train one run: the second is refused and the first continues, on disks with and without locks."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from forked import Forked, sla
from synthetic import tiny, write_store

from sla_cli.config.settings import to_toml
from sla_cli.work.run import Run

pytestmark = pytest.mark.long


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_store(tmp_path / "stores" / "phoenix2014")
    endless = tiny(train__epochs=100_000, model__variant="frozen")
    (tmp_path / "c.toml").write_text(to_toml(endless), encoding="utf-8")
    return tmp_path


def sla_without_locks(*arguments: str) -> None:
    """On a disk without locks. That HDF5 reads a store there, tests/prep/test_network_disk.py shows."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = fcntl.lockf = refuse
    sla(*arguments)


@pytest.mark.parametrize("command", [sla, sla_without_locks])
def test_nobody_trains_or_replaces_a_run_that_another_process_trains(
    work: Path, tmp_path: Path, command: Callable[..., None]
) -> None:
    environment = {"OMP_NUM_THREADS": "1", "SLA_WORK": str(work)}
    settings = ["--device", "cpu", "--config", str(work / "c.toml"), "--name", "mix"]
    run = Run(work / "runs" / "mix")

    def begin(*arguments: str) -> Forked:
        return Forked(command, "train", *arguments, printed=tmp_path, environment=environment)

    def second(*arguments: str) -> tuple[int | None, str]:
        process = begin(*arguments)
        _, reported = process.communicate(timeout=200)
        return process.returncode, reported

    first = begin(*settings, "--seed", "1")
    try:
        while not run.state.exists():
            assert first.poll() is None, first.communicate(timeout=200)
            time.sleep(0.1)
        for arguments in ([*settings, "--seed", "2", "--force"], ["--resume", "--device", "cpu"]):
            code, reported = second(*arguments)
            assert code == 2, reported
            assert f"error: another process is training {run.path}\n" in reported
        assert run.config.train.seed == 1
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=200)
        assert first.returncode == 128 + signal.SIGTERM
    finally:
        first.kill()
    code, reported = second(*settings, "--seed", "2", "--epochs", "1", "--force")
    assert code == 0, reported
    assert run.config.train.seed == 2
