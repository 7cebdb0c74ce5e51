"""Batches arrive on the device, in their order and unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from synthetic import GLOSSES, tiny, write_store

from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import training_batches
from sla_cli.data.prefetch import on_device

CUDA = pytest.param(
    "cuda", marks=[pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
)


@pytest.mark.parametrize("name", ["cpu", CUDA])
@pytest.mark.parametrize("steps", [0, 1, 3])
def test_batches_arrive_in_their_order(tmp_path: Path, name: str, steps: int) -> None:
    config, device = tiny(train__batch=2), torch.device(name)
    data = ClipDataset(write_store(tmp_path)["train"], GLOSSES, 4, config.train)
    plan = data.plan(1)[:steps]
    expected = list(training_batches(data, 1, plan, pin=False))
    arrived = list(on_device(training_batches(data, 1, plan, pin=name == "cuda"), device))
    assert [batch.ids for batch in arrived] == [batch.ids for batch in expected]
    for one, two in zip(arrived, expected, strict=True):
        assert one.frames.device.type == one.targets.device.type == name
        assert one.lengths.device.type == one.target_lengths.device.type == "cpu"
        assert torch.equal(one.frames.cpu(), two.frames) and torch.equal(one.targets.cpu(), two.targets)
