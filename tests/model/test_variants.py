"""A variant is one module: the choices of model.variant and the modules agree; a new variant needs nothing else."""

from __future__ import annotations

import pkgutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from synthetic import VARIANTS, tiny

from sla_cli.model import variants
from sla_cli.model.added import AddedModule, merge_added
from sla_cli.model.checkpoint import load_weights, save_weights
from sla_cli.model.network import Network

BIAS = """
import torch
from torch import nn
from sla_cli.model.added import AddedModule
from sla_cli.model.blocks import AdaptedBlock
from sla_cli.model.added import chosen_layers


class Bias(AddedModule):
    def __init__(self, width):
        super().__init__()
        self.bias, self.reach = nn.Parameter(torch.zeros(width)), 0

    def forward(self, x, source):
        return x + self.bias


def adapt(vit, borders, config):
    for number in chosen_layers(config.model.layers, len(vit.blocks)):
        vit.blocks[number] = AdaptedBlock(vit.blocks[number], borders, before_mlp=Bias(vit.embed_dim))
"""


def test_the_choice_of_variants_is_the_modules_that_there_are() -> None:
    assert sorted(VARIANTS) == sorted(module.name for module in pkgutil.iter_modules(variants.__path__))


def test_a_new_variant_is_a_module_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bias.py").write_text(BIAS, encoding="utf-8")
    monkeypatch.setattr(variants, "__path__", [*variants.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "sla_cli.model.variants.bias", raising=False)
    config = tiny(model__layers="last:1")
    variant: Any = "bias"
    network = Network(replace(config, model=replace(config.model, variant=variant)), 4)
    added = [module for module in network.modules() if isinstance(module, AddedModule)]
    assert [name for name, value in network.backbone.named_parameters() if value.requires_grad] == [
        "vit.blocks.1.before_mlp.bias"
    ]
    assert len(added) == 1 and added[0].training
    network.eval()
    assert not added[0].training
    assert merge_added(network) == 0
    save_weights(tmp_path / "w.safetensors", network, ("A", "B", "C", "D"))
    load_weights(tmp_path / "w.safetensors", network, ("A", "B", "C", "D"))
    frozen = Network(tiny(model__variant="frozen"), 4).eval()
    frozen.load_state_dict(network.state_dict(), strict=False)
    pixels, lengths = torch.randn(5, 3, 32, 32), torch.tensor([5])
    with torch.inference_mode():
        assert torch.equal(network.backbone(pixels, lengths), frozen.backbone(pixels, lengths))
