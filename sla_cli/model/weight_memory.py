"""The memory that the weights of a model need, computed before any weight is created."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from typing import Any

import torch
from torch import nn

from sla_cli.config.settings import Config
from sla_cli.errors import FormatError, SlaError
from sla_cli.log import log
from sla_cli.model.backbone import Backbone
from sla_cli.model.checkpointing import total_memory

FLOAT = 4  # bytes
MOMENTS = {"adam": 2, "adamw": 2, "sgd": 1}  # values that an optimiser keeps for each weight


def copies_in_training(config: Config) -> int:
    """Number of values that training keeps for each trained weight: weight, gradient, optimiser state, average."""
    return 2 + MOMENTS[config.train.optimizer] + bool(config.train.ema or config.train.average)


def check_weights(
    heads: Callable[[], Any],
    backbone: Backbone,
    config: Config,
    copies: int,
    device: torch.device,
    most: int | None = None,
) -> None:
    """Refuse a model whose trained weights exceed the memory of the machine, or those that it will get.

    Args:
        heads: creates the parts after the backbone; its attributes are modules or None.
        backbone: before it is adapted.
        copies: number of values that are kept for each trained weight on `device`, including the weight itself.
        most: number of values in the file that it will get its weights from.

    Raises:
        FormatError: the file has fewer values than the model.
        SlaError: the weights do not fit; names the memory that they would need. Or as `heads`.
    """
    # Messages are logged later, when the model is really adapted; and no random number may be consumed here.
    with torch.device("meta"), torch.random.fork_rng(devices=[]), _unsaid():
        made = [part for part in vars(heads()).values() if part is not None]
        weights = sum(map(_parameters, made)) + _added(backbone, config)
    if most is not None and weights > most:
        raise FormatError(f"the settings are of a model with {weights:,} trained weights, and there are {most:,}")
    for place, kept in ((torch.device("cpu"), 1), (device, copies)):  # weights are created on the CPU first
        needed, there = kept * FLOAT * weights, total_memory(place)
        if needed > there:
            raise SlaError(
                f"{weights:,} weights to train would take {needed / 2**30:,.1f} GiB of memory, and {place.type} has "
                f"{there / 2**30:,.1f} GiB",
                "Make head.channels, head.lstm_width, adapter.width or lora.rank smaller, or use a larger machine.",
            )


def _added(backbone: Backbone, config: Config) -> int:
    """Number of parameters that the variant adds to the backbone, counted on a copy without memory."""
    nothing = {id(one): _without_memory(one) for one in chain(backbone.vit.parameters(), backbone.vit.buffers())}
    trial = copy.deepcopy(backbone.vit, nothing)
    before = _parameters(trial)
    import_module(f"sla_cli.model.variants.{config.model.variant}").adapt(trial, backbone.borders, config)
    return _parameters(trial) - before


def _parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def _without_memory(value: torch.Tensor) -> torch.Tensor:
    empty = torch.empty_like(value, device="meta")
    return nn.Parameter(empty, value.requires_grad) if isinstance(value, nn.Parameter) else empty


@contextmanager
def _unsaid() -> Iterator[None]:
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
