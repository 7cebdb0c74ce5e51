"""How many processes a command may start."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sla_cli.workers import usable_cores


@pytest.fixture
def available(monkeypatch: pytest.MonkeyPatch) -> int:
    """Cores of this process where no control group limits it."""
    monkeypatch.setattr(os, "process_cpu_count", lambda: 8, raising=False)
    return 8


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000\n", 8),
        ("250000 100000\n", 2),
        ("50000 100000\n", 1),
        ("6400000 100000\n", 8),
        ("nonsense", 8),
        ("100000 0", 8),
    ],
)
def test_a_control_group_limits_the_cores(quota: str, cores: int, available: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    assert usable_cores(tmp_path / "cpu.max") == cores


def test_without_control_groups_all_are_usable(available: int, tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "missing") == available


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux only")
def test_the_affinity_of_the_process_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "process_cpu_count", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
    assert usable_cores(tmp_path / "missing") == 3
