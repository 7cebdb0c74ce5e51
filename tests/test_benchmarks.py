"""The benchmarks run and answer in the shape that they promise; no number of theirs is judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SMALL = ["--image-size", "32", "--set", "model.backbone_args={embed_dim = 32, depth = 2, num_heads = 2}"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--variant", "adapter", "--layers", "last:1", "--frames", "6"],
        ["--variant", "lora", "--inference", "--set", "lora.shift=off", "--frames", "6"],
        ["--checkpointing", "--clips", "2,4"],
    ],
)
def test_a_training_step(arguments: list[str]) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("peak memory is read from Linux's /proc")
    command = [sys.executable, str(ROOT / "benchmarks" / "train_step.py"), *arguments, *SMALL]
    answer = subprocess.run(
        [*command, "--repeats", "1", "--json", "--threads", "1"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert found["frames"] == 6
    assert found["ratio"] == pytest.approx(found["seconds"] / found["floor_seconds"])
    assert found["peak_mib"] > 0
