"""Averaged weights (Polyak & Juditsky, 1992), which are scored and kept if train.ema is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

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
        model.load_state_dict(self.weights, strict=False)
        try:
            yield
        finally:
            model.load_state_dict(own, strict=False)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.weights}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        self.steps = content["steps"]
        for name, value in self.weights.items():
            value.copy_(content["weights"][name])
