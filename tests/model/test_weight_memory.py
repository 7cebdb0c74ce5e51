"""Weights that exceed the machine's memory are refused before any is created, with the size that they would need."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from synthetic import VARIANTS, tiny, write_store
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.errors import SlaError
from sla_cli.model.backbone import Backbone
from sla_cli.model.network import Network
from sla_cli.model.temporal_head import parse_pattern
from sla_cli.model.weight_memory import check_weights, copies_in_training

CPU = torch.device("cpu")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shared", [True, False])
def test_the_weights_that_are_named_are_those_that_training_would_have(variant: str, shared: bool) -> None:
    config = tiny(model__variant=variant, head__shared=shared, lora__targets="q,v,proj,mlp")
    trained = sum(one.numel() for one in Network(config, 5).parameters() if one.requires_grad)
    copies = 10**9
    with pytest.raises(SlaError, match=re.escape(f"{trained:,} weights to train would take")) as caught:
        Network(config, 5, copies)
    assert f"would take {4 * copies * trained / 2**30:,.1f} GiB of memory, and cpu has " in caught.value.message


def test_counting_draws_no_random_numbers_and_changes_nothing() -> None:
    config = tiny()
    backbone = Backbone(config.model)
    before, state = copy.deepcopy(backbone.state_dict()), torch.get_rng_state()
    check_weights(lambda: SimpleNamespace(head=torch.nn.Linear(3, 4)), backbone, config, 1, CPU)
    assert torch.equal(torch.get_rng_state(), state)
    after = backbone.state_dict()
    assert after.keys() == before.keys()
    assert all(value.device == CPU and torch.equal(value, before[name]) for name, value in after.items())


def test_what_training_keeps_of_each_weight() -> None:
    assert copies_in_training(tiny()) == 4  # weight, gradient, two moments of Adam
    assert copies_in_training(tiny(train__optimizer="sgd", train__ema=0.9)) == 4
    assert copies_in_training(tiny(train__average=2)) == 5


@pytest.mark.parametrize("option", ["head.channels=60000", "adapter.width=60000000", "head.channels=1000000"])
def test_train_refuses_them_with_one_sentence_and_leaves_no_run(tmp_path: Path, option: str) -> None:
    write_store(tmp_path / "stores" / "phoenix2014")
    options = ["--work", str(tmp_path), "--preset", "tiny", "--set", option, "--set", "head.pattern=K9,K9,P2,K9,P2"]
    result = CliRunner().invoke(app, ["train", "--device", "cpu", "-q", *options])
    assert result.exit_code == 2, result.output
    assert "GiB of memory" in result.output or "must be a whole number from" in result.output
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("text", ["K5,P9999,P9999", "K99999", "P2,K123456789"])
def test_a_pattern_that_looks_at_hours_at_once(text: str) -> None:
    with pytest.raises(SlaError, match=r"head\.pattern"):
        parse_pattern(text)
