"""SLA-LoRA: loralib's low-rank updates with temporal shift on their input. They add exactly zero when fresh.

The state dicts are loralib's. The low-rank product is applied to the tokens instead of building the full weight delta
at each step, and the shift is done on its few channels: a shift along time and a map of channels can be swapped.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import loralib
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config import LoraConfig
from sla_cli.model.clip_borders import ClipBorders


class _Shifted:
    """What both kinds of layers share."""

    weight: Tensor
    bias: Tensor | None
    lora_A: Tensor
    lora_dropout: nn.Module
    scaling: float
    in_features: int

    @property
    @abstractmethod
    def up(self) -> Tensor:
        """What is multiplied with lora_A: (out, rank of all groups together)."""

    def _adopt(self, base: nn.Linear, config: LoraConfig, borders: ClipBorders) -> None:
        self.weight, self.bias = base.weight, base.bias
        self.borders = borders
        self.shifted = int(base.in_features * config.share) if config.shift == "lora" else 0  # channels each way

    def forward(self, x: Tensor) -> Tensor:
        """x: (frames, tokens, in) → (frames, tokens, out)."""
        low = self._low(self.lora_dropout(x)).flatten(0, 1)
        result = F.linear(x.flatten(0, 1), self.weight, self.bias)
        up = self.up * self.scaling
        return result.addmm_(low.to(result.dtype), up.T.to(result.dtype)).view(*x.shape[:-1], -1)

    def _low(self, x: Tensor) -> Tensor:
        """(frames, tokens, rank): lora_A times the shifted tokens."""
        size = self.shifted
        if size == 0:
            return F.linear(x, self.lora_A)
        parts = self.lora_A[:, :size], self.lora_A[:, size : 2 * size], self.lora_A[:, 2 * size :]
        before, after, here = F.linear(x, torch.block_diag(*parts)).chunk(3, dim=-1)
        return here + self.borders.shift(before, -1) + self.borders.shift(after, 1)

    @torch.no_grad()
    def as_linear(self) -> nn.Linear:
        """One layer that answers as this one does; only without shift is there one."""
        linear = nn.Linear(
            self.in_features,
            len(self.weight),
            bias=self.bias is not None,
            device=self.weight.device,
            dtype=self.weight.dtype,
        )
        linear.weight.copy_(self.weight + self.up @ self.lora_A * self.scaling)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
        return linear.requires_grad_(False)


class LoraLinear(_Shifted, loralib.Linear):
    """Low-rank update of one frozen linear layer."""

    def __init__(self, base: nn.Linear, config: LoraConfig, borders: ClipBorders) -> None:
        super().__init__(base.in_features, base.out_features, **_options(base, config))
        self._adopt(base, config, borders)

    @property
    def up(self) -> Tensor:
        return self.lora_B


class LoraQKV(_Shifted, loralib.MergedLinear):
    """Low-rank updates of some of q, k and v in a frozen fused projection."""

    def __init__(self, base: nn.Linear, parts: set[str], config: LoraConfig, borders: ClipBorders) -> None:
        enabled = [part in parts for part in "qkv"]
        super().__init__(base.in_features, base.out_features, enable_lora=enabled, **_options(base, config))
        self._adopt(base, config, borders)

    @property
    def up(self) -> Tensor:
        ups = iter(self.lora_B.chunk(sum(self.enable_lora)))
        none = self.lora_B.new_zeros(self.out_features // len(self.enable_lora), 0)
        return torch.block_diag(*(next(ups) if on else none for on in self.enable_lora))


Lora = LoraLinear | LoraQKV


def merge_lora(model: nn.Module) -> int:
    """Fold LoRA branches into the frozen weights where that is exact, which is where their input is not shifted.

    Returns:
        How many were merged. The model can no longer be trained or saved.
    """
    found = [
        (module, name, child)
        for module in model.modules()
        for name, child in module.named_children()
        if isinstance(child, Lora) and child.shifted == 0
    ]
    for module, name, child in found:
        setattr(module, name, child.as_linear())
    return len(found)


def _options(base: nn.Linear, config: LoraConfig) -> dict[str, Any]:
    """merge_weights=False: loralib's default merges on eval(), and a state dict saved then counts LoRA twice."""
    return {
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "merge_weights": False,
        "bias": base.bias is not None,
    }
