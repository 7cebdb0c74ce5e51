"""Averaged weights (Polyak & Juditsky, 1992), which are scored and saved if train.ema or train.average is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from sla_cli.config.settings import TrainConfig
from sla_cli.errors import SlaError
from sla_cli.model.network import Network


def check_average(config: TrainConfig) -> None:
    """Raise SlaError if the settings ask for two averages, or for one of epochs that may never come."""
    if config.ema and config.average:
        raise SlaError("train.ema and train.average are both set", "Set one of them to 0: one average is scored.")
    if config.patience and config.average:
        fault = "train.patience and train.average are both set: training may end before the epochs of the average"
        raise SlaError(fault, "Set one of them to 0, or use train.ema.")


class WeightAverage:
    """An average of the trained weights and of the statistics of normalisation.

    With `train.ema` it is exponential, over steps. With `train.average` it is the mean over the ends of the last
    epochs; before these it is the model's own weights.

    Args:
        model: on its device; its tensors are collected once, so training must change them in place.

    Attributes:
        count: number of steps or epochs in the average.
    """

    def __init__(self, model: Network, config: TrainConfig) -> None:
        self.model, self.config, self.count = model, config, 0
        self.weights = {name: value.detach().clone() for name, value in model.trained_state().items()}
        pairs = [(self.weights[name], value.detach()) for name, value in model.trained_state().items()]
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    def after_step(self) -> None:
        """Early averages cover few steps, so the influence of the initial weights ends soon."""
        if self.config.ema:
            self.count += 1
            self._move(min(self.config.ema, (1 + self.count) / (10 + self.count)))

    def after_epoch(self, number: int) -> None:
        """Call after the last step of an epoch, and again if training was stopped before the epoch was scored.

        Args:
            number: of the epoch, from 1.
        """
        last = min(self.config.average, self.config.epochs)
        due = number - (self.config.epochs - last)
        if due == self.count + 1 and last:  # otherwise too early, or already in the average
            self.count = due
            self._move(1 - 1 / due)

    @torch.no_grad()
    def _move(self, decay: float) -> None:
        get_ema_multi_avg_fn(decay)(*map(list, zip(*self._averaged, strict=True)), self.count)
        for kept, now in self._copied:
            kept.copy_(now)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model with averaged weights; its own weights are restored afterwards."""
        if not self.count:
            yield
            return
        own = {name: value.detach().clone() for name, value in self.model.trained_state().items()}
        self.model.load_state_dict(self.weights, strict=False)
        try:
            yield
        finally:
            self.model.load_state_dict(own, strict=False)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.count, "weights": self.weights}

    def load_state_dict(self, content: dict[str, Any]) -> None:
        self.count = content["steps"]
        for name, value in self.weights.items():
            value.copy_(content["weights"][name])
