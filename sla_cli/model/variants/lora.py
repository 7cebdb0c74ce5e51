"""SLA-LoRA: loralib's low-rank updates with temporal shift on their input. Untrained updates add zero.

The state dicts are loralib's. The low-rank product is applied to the tokens, so no full weight delta is computed
at each step. The shift is applied to its few channels, since a shift along time and a linear map of channels commute.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import loralib
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config.settings import Config, LoraConfig
from sla_cli.log import log
from sla_cli.model.added import AddedModule, chosen_layers
from sla_cli.model.blocks import AdaptedBlock
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_shift import shift_keys_and_values


def adapt(vit: Any, borders: ClipBorders, config: Config) -> None:
    """Add LoRA branches to the target layers of the chosen blocks."""
    settings = config.lora
    targets = chosen_targets(settings.targets)
    # Branches that follow each other each reach one frame further: q, k and v, then proj, then the MLP's two layers.
    stages = bool(targets & set("qkv")) + ("proj" in targets) + 2 * ("mlp" in targets)
    for number in chosen_layers(config.model.layers, len(vit.blocks)):
        block = vit.blocks[number]
        _add_branches(block, targets, borders, settings)
        if settings.shift == "kv":
            shift_keys_and_values(block.attn, borders, settings.share)
        vit.blocks[number] = AdaptedBlock(
            block,
            borders,
            share=settings.share if settings.shift == "residual" else 0.0,
            inner_reach={"lora": stages, "kv": 1}.get(settings.shift, 0),
        )
    if settings.shift in ("residual", "kv"):
        log.info(
            "lora.shift=%s shifts channels in the frozen path: even untrained, the model differs from its backbone",
            settings.shift,
        )


class LoraBranch(AddedModule):
    """A frozen linear layer with a low-rank update: the common part of both kinds of layers."""

    weight: Tensor
    bias: Tensor | None
    lora_A: Tensor
    lora_B: Tensor
    lora_dropout: nn.Module
    scaling: float
    in_features: int
    out_features: int

    @property
    @abstractmethod
    def up(self) -> Tensor:
        """The matrix that is multiplied with lora_A: (out, rank of all groups together)."""

    def _adopt(self, base: nn.Linear, config: LoraConfig, borders: ClipBorders) -> None:
        self.weight, self.bias = base.weight, base.bias
        self.borders = borders
        self.shifted = int(base.in_features * config.share) if config.shift == "lora" else 0  # per direction
        self.reach = int(self.shifted > 0)

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
    def as_frozen(self) -> nn.Linear | None:
        """One equivalent linear layer, which exists if the input is not shifted."""
        if self.shifted:
            return None
        linear = nn.Linear(self.in_features, len(self.weight), bias=self.bias is not None).to(self.weight)
        linear.weight.copy_(self.weight + self.up @ self.lora_A * self.scaling)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
        return linear.requires_grad_(False)


class LoraLinear(LoraBranch, loralib.Linear):
    """Low-rank update of one frozen linear layer."""

    def __init__(self, base: nn.Linear, config: LoraConfig, borders: ClipBorders) -> None:
        super().__init__(base.in_features, base.out_features, **_options(base, config))
        self._adopt(base, config, borders)

    @property
    def up(self) -> Tensor:
        return self.lora_B


class LoraQKV(LoraBranch, loralib.MergedLinear):
    """Low-rank updates of some of q, k and v in a frozen fused projection."""

    enable_lora: list[bool]

    def __init__(self, base: nn.Linear, parts: set[str], config: LoraConfig, borders: ClipBorders) -> None:
        enabled = [part in parts for part in "qkv"]
        super().__init__(base.in_features, base.out_features, enable_lora=enabled, **_options(base, config))
        self._adopt(base, config, borders)

    @property
    def up(self) -> Tensor:
        ups = iter(self.lora_B.chunk(sum(self.enable_lora)))
        none = self.lora_B.new_zeros(self.out_features // len(self.enable_lora), 0)
        return torch.block_diag(*(next(ups) if on else none for on in self.enable_lora))


def chosen_targets(text: str) -> set[str]:
    """`q,v` → {"q", "v"}."""
    return {part.strip() for part in text.split(",")}


def _add_branches(block: Any, targets: set[str], borders: ClipBorders, config: LoraConfig) -> None:
    """Replace the target layers of a timm block."""
    parts = targets & set("qkv")
    _fuse_bias(block.attn)
    layers = [(block.attn, "proj")] if "proj" in targets else []
    if getattr(block.attn, "qkv", None) is None:
        layers += [(block.attn, f"{part}_proj") for part in sorted(parts)]
    elif parts:
        block.attn.qkv = LoraQKV(block.attn.qkv, parts, config, borders)
    if "mlp" in targets:
        layers += [(block.mlp, name) for name, child in block.mlp.named_children() if isinstance(child, nn.Linear)]
    for parent, name in layers:
        setattr(parent, name, LoraLinear(getattr(parent, name), config, borders))


def _fuse_bias(attention: Any) -> None:
    """EVA stores the bias of its fused projection separately and uses only the weight: give it one layer to call."""
    if getattr(attention, "q_bias", None) is None or attention.qkv_bias_separate:
        return
    bias = torch.cat((attention.q_bias, attention.k_bias, attention.v_bias))
    attention.qkv.bias = nn.Parameter(bias.detach(), requires_grad=False)
    attention.q_bias = attention.k_bias = attention.v_bias = None


def _options(base: nn.Linear, config: LoraConfig) -> dict[str, Any]:
    """merge_weights=False: loralib's default merges on eval(), and a state dict saved then counts LoRA twice."""
    return {
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": config.dropout,
        "merge_weights": False,
        "bias": base.bias is not None,
    }
