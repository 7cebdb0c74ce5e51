from __future__ import annotations

import os

import pytest
import torch


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread: sums in one order, and nobody waits. No test pulls the plug, so none needs the disk flushed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    monkeypatch.setattr(os, "fsync", lambda handle: None)
