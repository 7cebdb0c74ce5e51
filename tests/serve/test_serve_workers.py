"""Processes of the service that hold a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.serve import workers
from sla_cli.serve.workers import Workers


def test_a_process_that_is_stopped_while_it_loads_is_no_fault(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the service would report this, and not what made it stop."""
    monkeypatch.setattr(workers, "TRIES", 1)
    failures: list[bool] = []
    held = Workers(1, lambda: None, {"run": run}, 2**40, lambda: failures.append(True))
    held.start()
    held.stop()
    assert held.fault is None and not failures
