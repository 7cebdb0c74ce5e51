from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch
from synthetic import CPU, write_store

from sla_cli.store.store import Store
from sla_cli.train import train_run
from sla_cli.train.train_run import start_run
from sla_cli.work.run import Run


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """Sums in one order, in fixtures of modules too, and nobody waits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test simulates a power failure, so the disk need not be flushed.

    None looks at the picture of a run either, a third of the cost of a tiny one; test_curves.py draws it by itself, and
    cli/test_train_command.py finds that of a run.
    """
    torch.manual_seed(0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(train_run, "draw_curves", lambda path, epochs: None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of the module's CONFIG that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    start_run(store, folder, request.module.CONFIG, preset="tiny", group=CPU)
    return Run(folder)
