"""The tables of docs/next.md are those of docs/next.json, which benchmarks/next.py has measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_tables_are_those_of_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from next_figures import tables

    page = (ROOT / "docs" / "next.md").read_text(encoding="utf-8")
    measured = json.loads((ROOT / "docs" / "next.json").read_text(encoding="utf-8"))
    parts = [part for part in tables(measured).split("\n\n") if part.startswith("|")]
    assert len(parts) == len(measured) + 1
    assert [part for part in parts if part not in page] == []


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
