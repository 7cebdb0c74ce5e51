"""The table of docs/experiments/next.md is that of docs/figures/next.json, which benchmarks/next.py has measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_table_is_that_of_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from next_figures import table

    figures = ROOT / "docs" / "figures"
    measured = json.loads((figures / "next.json").read_text(encoding="utf-8"))
    assert tomllib.loads((figures / "next.toml").read_text(encoding="utf-8"))["areas"] == table(measured)


@pytest.mark.ci
def test_the_measurement_runs_on_few_clips(tmp_path: Path, shared: Path) -> None:
    script = [sys.executable, str(ROOT / "benchmarks" / "next.py"), "drawn", "--work", str(tmp_path)]
    few = [
        "--clips",
        "12",
        "2",
        "--start",
        "3",
        "--rounds",
        "1",
        "--minutes",
        "0.1",
        "--steps",
        "2",
        "2",
        "--seeds",
        "0",
    ]
    out = tmp_path / "next.json"
    given = [*script, "--shared", str(shared), *few, "--out", str(out)]
    subprocess.run([*given, "--strategies", "random", "novelty"], check=True)
    found = json.loads(out.read_text(encoding="utf-8"))["drawn"]
    assert found.keys() == {"random", "novelty"}
    first, second = found["random"]["0"]
    assert found["novelty"]["0"][0] == first  # the same run
    assert 0 < second[0] - first[0] <= 0.1 and second[1] > first[1] == 3
