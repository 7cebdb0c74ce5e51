"""Opening a run's model: its best weights, what is merged, where and in which precision it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from synthetic import FACTS, GLOSSES, tiny

from sla_cli.config.settings import Config
from sla_cli.errors import SlaError
from sla_cli.model.checkpoint import load_weights, save_weights
from sla_cli.model.network import Network
from sla_cli.model.open_run import open_model
from sla_cli.work.run import Run


def make_run(folder: Path, config: Config) -> Run:
    run = Run(folder)
    run.create(config, GLOSSES, FACTS)
    network = Network(config, len(GLOSSES))
    for parameter in network.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.1)
    save_weights(run.best, network, GLOSSES)
    return run


@pytest.mark.parametrize(("shift", "merged"), [("off", 4), ("lora", 0)])
def test_the_best_weights_are_loaded_and_merged_where_that_is_exact(tmp_path: Path, shift: str, merged: int) -> None:
    config = tiny(model__variant="lora", lora__shift=shift, lora__targets="q,v,proj")
    run = make_run(tmp_path / "r", config)
    opened = open_model(run, device="cpu")
    assert opened.merged == merged
    assert (opened.glosses, opened.stride, opened.config) == (GLOSSES, 4, config)
    assert not opened.network.training
    plain = Network(config, len(GLOSSES)).eval()
    load_weights(run.best, plain, GLOSSES)
    pixels, lengths = torch.randn(20, 3, 32, 32), torch.tensor([12, 8])
    with torch.inference_mode():
        assert torch.allclose(opened.network(pixels, lengths).sequence, plain(pixels, lengths).sequence, atol=1e-4)


def test_weights_that_have_moved_are_taken_from_where_they_are(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", tiny())
    with pytest.raises(SlaError, match="no such weights file"):
        open_model(run, device="cpu", weights=str(tmp_path / "none.pt"))


@pytest.mark.parametrize(
    ("trained", "asked", "expected"),
    [
        ("fp16", "auto", torch.float32),
        ("auto", "auto", torch.float32),
        ("bf16", "auto", torch.bfloat16),
        ("fp32", "auto", torch.float32),
        ("bf16", "fp32", torch.float32),
    ],
)
def test_precision_is_that_of_training_where_the_device_can(
    tmp_path: Path, trained: str, asked: str, expected: torch.dtype
) -> None:
    run = make_run(tmp_path / "r", tiny(train__precision=trained))
    assert open_model(run, device="cpu", precision=asked).placement.dtype == expected


def test_fp16_that_was_asked_for_is_refused_on_a_cpu(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match="fp16 is for GPUs"):
        open_model(make_run(tmp_path / "r", tiny()), device="cpu", precision="fp16")
