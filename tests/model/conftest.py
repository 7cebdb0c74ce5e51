from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Sums in one order, and no threads that wait for each other on a busy machine."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
