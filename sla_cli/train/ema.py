"""Averaged weights (Polyak & Juditsky, 1992), which are scored and saved if train.ema is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from sla_cli.model.network import Network


class Ema:
    """Exponential moving average of the trained weights and of the statistics of normalisation.

    Args:
        model: on its device; its tensors are collected once, so training must change them in place.
    """

    def __init__(self, model: Network, decay: float) -> None:
        self.model, self.decay, self.steps = model, decay, 0
        self.weights = {name: value.detach().clone() for name, value in model.trained_state().items()}
        pairs = [(self.weights[name], value.detach()) for name, value in model.trained_state().items()]
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Call after a step. Early averages cover few steps, so the influence of the initial weights ends soon."""
        self.steps += 1
        average = get_ema_multi_avg_fn(min(self.decay, (1 + self.steps) / (10 + self.steps)))
        average(*map(list, zip(*self._averaged, strict=True)), self.steps)
        for kept, now in self._copied:
            kept.copy_(now)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with averaged weights; its own weights are restored afterwards."""
        own = {name: value.detach().clone() for name, value in self.model.trained_state().items()}
        self.model.load_state_dict(self.weights, strict=False)
        try:
            yield
        finally:
            self.model.load_state_dict(own, strict=False)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.weights}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        self.steps = content["steps"]
        for name, value in self.weights.items():
            value.copy_(content["weights"][name])
