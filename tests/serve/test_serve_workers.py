"""Processes of the service that hold a model."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import cv2
import pytest
from recordings import broken_run, images_of

from sla_cli.serve import workers
from sla_cli.serve.driven import Driven, LostError
from sla_cli.serve.talk import Frame, Said
from sla_cli.serve.workers import Workers


def test_a_process_that_is_stopped_while_it_loads_is_no_fault(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the service would report this, and not what made it stop."""
    monkeypatch.setattr(workers, "TRIES", 1)
    failures: list[bool] = []
    held = Workers(1, lambda: None, {"run": run}, 2**40, lambda: failures.append(True))
    held.start()
    held.stop()
    assert held.fault is None and not failures


def test_a_process_that_ends_while_it_loads_is_not_explained_by_a_video(run: Path) -> None:
    loading = Driven({"run": run}, 2**40)
    loading.kill()
    with pytest.raises(LostError, match=r"^it ended unexpectedly$"):
        loading.open()
    loading.close()


STARVED = """
import os, resource, sys, threading
from sla_cli.serve.workers import Workers

ended, taken = threading.Event(), []
held = Workers(1, lambda: None, {"run": sys.argv[1]}, 2**40, ended.set)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
while len(taken) < 64:
    try:
        taken.append(os.dup(0))
    except OSError:
        break
held.start()
assert not ended.wait(1) and held.fault is None
for file in taken:
    os.close(file)
assert ended.wait(400)
held.stop()
print(held.fault.message)
"""


@pytest.mark.ci  # it starts a process, which imports PyTorch
def test_a_process_that_cannot_be_started_is_started_later(tmp_path: Path) -> None:
    """While too many files are open; then it finds that there is no such run."""
    command = [sys.executable, "-c", STARVED, str(tmp_path / "none")]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert "no such run" in answer.stdout, answer.stderr


@pytest.mark.ci  # it starts processes, which import PyTorch
def test_a_process_that_is_started_again_has_no_other_model(run: Path, tmp_path: Path) -> None:
    """Clients were told the glosses and the card of the first."""
    place, failed = shutil.copytree(run, tmp_path / "runs" / "mine"), Event()
    held = Workers(1, lambda: time.sleep(0.05), {"run": place}, 2**40, failed.set)
    held.start()
    try:
        for again in range(2):  # the first time it is the same model
            while held.ready < 1 or held.restarts < again:
                assert not failed.wait(0.05)
            if again:
                shutil.rmtree(place)
                shutil.copytree(broken_run(tmp_path), place)
            held._processes[0].kill()
        assert failed.wait(300)
    finally:
        held.stop()
    assert held.fault is not None and "the model was replaced while the service was running" in held.fault.message


@pytest.mark.ci  # it starts a process, which imports PyTorch
def test_a_model_that_gives_nan_fails_the_stream_and_not_the_process(run: Path, tmp_path: Path) -> None:
    process = Driven({"run": broken_run(tmp_path)}, 2**40)
    try:
        process.open()
        for _ in range(2):
            said = Said(())
            for number, image in enumerate(images_of("NORD REGEN")):
                jpeg = cv2.imencode(".jpg", image)[1].tobytes()
                process.send(Frame(struct.pack("<d", number / 25) + jpeg))
                answer = process.receive(300)
                assert isinstance(answer, Said)
                if (said := answer).fault:
                    break
            assert said == Said((), "the stream: the model gave NaN", failed=True)
    finally:
        process.close()
