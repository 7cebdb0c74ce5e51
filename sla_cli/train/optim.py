"""The optimiser: learning rate and weight decay of each group of parameters, and the schedule of the rate."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from sla_cli.config.settings import TrainConfig

SHARE = "share"  # share of the learning rate, in a parameter group
MOMENTUM = 0.9  # momentum of SGD


def make_optimizer(model: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over the trained parameters, in groups: adapters and head, with and without weight decay.

    `set_rate` multiplies the learning rate by the share of a group.
    """
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    groups = []
    for adapters, share in ((True, config.adapter_lr), (False, 1.0)):
        part = [value for name, value in trained if name.startswith("backbone.") == adapters]
        for decays, decay in ((True, config.weight_decay), (False, 0.0)):
            if wanted := [value for value in part if (config.decay_all or value.dim() > 1) == decays]:
                groups.append({"params": wanted, "weight_decay": decay, SHARE: share})
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=MOMENTUM, nesterov=True)
    kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, lr=config.lr, fused=True)


def learning_rate(config: TrainConfig, done: float) -> float:
    """The learning rate of the step that begins after `done` epochs, a fraction.

    `step` multiplies by gamma after each milestone (as in AdaptSign); `cosine` decreases from lr to floor·lr at the
    last epoch (Loshchilov & Hutter, 2017). Warm-up multiplies either by a factor that rises from 0 to 1.
    """
    warm = min(1.0, done / config.warmup) if config.warmup else 1.0
    if config.schedule == "step":
        return config.lr * warm * config.gamma ** sum(done >= milestone for milestone in config.milestones)
    fall = (1 + math.cos(math.pi * min(1.0, done / config.epochs))) / 2
    return config.lr * warm * (config.floor + (1 - config.floor) * fall)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group[SHARE]


def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """Euclidean norm over all gradients; not finite if one of them is not."""
    return torch.nn.utils.get_total_norm([value.grad for value in parameters if value.grad is not None])


def gradient_norms(model: nn.Module) -> dict[str, Tensor]:
    """`gradient_norm` of all trained parameters, under `all`, and of each part of the model under its name."""
    trained = [(name.partition(".")[0], value) for name, value in model.named_parameters() if value.requires_grad]
    parts = dict.fromkeys(part for part, value in trained if value.grad is not None)
    by_part = {part: gradient_norm(value for name, value in trained if name == part) for part in parts}
    return {"all": gradient_norm(value for _, value in trained), **by_part}


def non_finite_gradients(model: nn.Module) -> list[str]:
    """Names of parameters whose gradient is not finite."""
    return [
        name for name, value in model.named_parameters() if value.grad is not None and not value.grad.isfinite().all()
    ]
