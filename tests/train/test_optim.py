from __future__ import annotations

from typing import Any

import pytest
import torch
from synthetic import tiny

from sla_cli.config.settings import TrainConfig
from sla_cli.model.network import Network
from sla_cli.train.optim import gradient_norm, learning_rate, make_optimizer, non_finite_gradients, set_rate


def made(**values: Any) -> tuple[Network, torch.optim.Optimizer]:
    config = tiny(**values)
    model = Network(config, 3)
    return model, make_optimizer(model, config.train)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("decay_all", [True, False])
def test_each_trained_parameter_is_in_one_group(name: str, decay_all: bool) -> None:
    model, optimizer = made(train__optimizer=name, train__decay_all=decay_all, train__weight_decay=0.1)
    grouped = [id(value) for group in optimizer.param_groups for value in group["params"]]
    assert sorted(grouped) == sorted(id(value) for value in model.parameters() if value.requires_grad)
    decays = {id(value): group["weight_decay"] for group in optimizer.param_groups for value in group["params"]}
    for value in model.parameters():
        if value.requires_grad:
            assert decays[id(value)] == (0.1 if decay_all or value.dim() > 1 else 0.0)
    assert type(optimizer).__name__.lower() == name


def test_adapters_learn_at_their_share_of_the_rate() -> None:
    model, optimizer = made(train__adapter_lr=0.25)
    set_rate(optimizer, 0.8)
    rates = {id(value): group["lr"] for group in optimizer.param_groups for value in group["params"]}
    for name, value in model.named_parameters():
        if value.requires_grad:
            assert rates[id(value)] == pytest.approx(0.2 if name.startswith("backbone.") else 0.8)


def test_what_is_not_finite_is_found_and_named() -> None:
    model, _ = made()
    for value in model.parameters():
        if value.requires_grad:
            value.grad = torch.ones_like(value)
    trained = [value for value in model.parameters() if value.requires_grad]
    assert gradient_norm(trained).item() == pytest.approx(sum(value.numel() for value in trained) ** 0.5, rel=1e-5)
    assert non_finite_gradients(model) == []
    assert model.classifier.weight.grad is not None
    model.classifier.weight.grad[0, 0] = torch.nan
    assert not gradient_norm(trained).isfinite()
    assert non_finite_gradients(model) == ["classifier.weight"]


def test_step_falls_after_each_milestone() -> None:
    config = TrainConfig(lr=1.0, gamma=0.2, milestones=(2, 3), epochs=5)
    rates = [learning_rate(config, done) for done in (0, 1, 1.99, 2, 2.5, 3, 4.9)]
    assert rates == pytest.approx([1, 1, 1, 0.2, 0.2, 0.04, 0.04])


def test_cosine_falls_from_lr_to_its_floor() -> None:
    config = TrainConfig(lr=2.0, schedule="cosine", floor=0.1, epochs=10)
    assert [learning_rate(config, done) for done in (0, 5, 10)] == pytest.approx([2.0, 1.1, 0.2])
    rates = [learning_rate(config, done / 4) for done in range(41)]
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("schedule", ["step", "cosine"])
def test_warm_up_rises_from_nothing(schedule: str) -> None:
    warm = TrainConfig(schedule=schedule, warmup=2.0, milestones=(8,))  # type: ignore[arg-type]
    cold = TrainConfig(schedule=schedule, milestones=(8,))  # type: ignore[arg-type]
    assert learning_rate(warm, 0) == 0
    assert learning_rate(warm, 1) == pytest.approx(learning_rate(cold, 1) / 2)
    for done in (2, 7, 9):
        assert learning_rate(warm, done) == learning_rate(cold, done)
