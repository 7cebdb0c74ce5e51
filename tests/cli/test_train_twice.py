"""Two processes that train one run: the second is refused and the first goes on, on disks with and without locks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import shim
from synthetic import tiny, write_store

from sla_cli.config import to_toml
from sla_cli.formats.run import Run

SLA = [sys.executable, "-m", "sla_cli", "train"]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write_store(tmp_path / "stores" / "phoenix2014")
    endless = tiny(train__epochs=100_000, model__variant="frozen")
    (tmp_path / "c.toml").write_text(to_toml(endless), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("disk", ["locks", "no locks"])
def test_nobody_trains_or_replaces_a_run_that_another_process_trains(work: Path, tmp_path: Path, disk: str) -> None:
    environment = dict(os.environ) if disk == "locks" else shim.environment(shim.built(tmp_path), ENOLCK=1)
    environment |= {"OMP_NUM_THREADS": "1", "SLA_WORK": str(work)}
    settings = ["--device", "cpu", "--config", str(work / "c.toml"), "--name", "mix"]
    run = Run(work / "runs" / "mix")

    def second(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*SLA, *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    with subprocess.Popen(
        [*SLA, *settings, "--seed", "1"], env=environment, stderr=subprocess.PIPE, text=True
    ) as first:
        try:
            until = time.monotonic() + 300
            while not run.state.exists():
                assert first.poll() is None, first.communicate()[1]
                assert time.monotonic() < until
                time.sleep(0.1)
            for arguments in ([*settings, "--seed", "2", "--force"], ["--resume", "--device", "cpu"]):
                answer = second(*arguments)
                assert answer.returncode == 2, answer.stderr
                assert f"error: another process is training {run.path}\n" in answer.stderr
            assert run.config.train.seed == 1
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=300) == 128 + signal.SIGTERM
        finally:
            first.kill()
    answer = second(*settings, "--seed", "2", "--epochs", "1", "--force")
    assert answer.returncode == 0, answer.stderr
    assert run.config.train.seed == 2
