"""Averaged weights (Polyak & Juditsky, 1992), which are scored and kept if train.ema is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from sla_cli.model.network import Network


class Ema:
    """Exponential moving average of the trained weights and of the statistics of normalisation."""

    def __init__(self, model: Network, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights = {name: value.detach().clone() for name, value in model.trained_state().items()}

    @torch.no_grad()
    def update(self, model: Network) -> None:
        """Call after a step. Early averages are short, so that the random start is soon forgotten."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.trained_state().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value.detach(), 1 - decay)
            else:
                self.weights[name].copy_(value)

    @contextmanager
    def applied(self, model: Network) -> Iterator[None]:
        """The model with averaged weights; its own weights return afterwards."""
        own = {name: value.detach().clone() for name, value in model.trained_state().items()}
        _load(model, self.weights)
        try:
            yield
        finally:
            _load(model, own)

    def state_dict(self) -> dict[str, int | dict[str, Tensor]]:
        return {"steps": self.steps, "weights": self.weights}

    def load_state_dict(self, content: dict[str, int | dict[str, Tensor]]) -> None:
        steps, weights = content["steps"], content["weights"]
        assert isinstance(steps, int) and isinstance(weights, dict)
        self.steps = steps
        for name, value in self.weights.items():
            value.copy_(weights[name])


def _load(model: Network, weights: dict[str, Tensor]) -> None:
    model.load_state_dict(weights, strict=False)
