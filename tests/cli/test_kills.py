"""Every stage killed at random moments, and in two processes at once: `tests/kill_stages.py`; SLA_KILLS=20
gives the number of kills of each stage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ci

TESTS = Path(__file__).parents[1]
STAGES = (
    *("prep", "split", "lm", "train", "emit", "tune", "decode", "score", "compare", "report", "align"),
    *("transcribe", "merge", "export"),
)


KILLS = int(os.environ.get("SLA_KILLS", "1"))
LIMIT = 600 + 60 * (KILLS - 1)  # seconds; other processes may use the same cores


@pytest.mark.timeout(LIMIT + 20)
def test_a_killed_stage_that_is_run_again_and_two_at_once_leave_what_one_leaves(tmp_path: Path) -> None:
    command = [sys.executable, str(TESTS / "kill_stages.py"), str(tmp_path), str(KILLS), "13"]
    paths = os.pathsep.join([str(TESTS.parent), *sys.path])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT)
    assert answer.returncode == 0, answer.stderr
    assert tuple(json.loads(line)["stage"] for line in answer.stdout.splitlines()) == STAGES
