"""The trained parts inside the frozen backbone: SLA-LoRA and SLA-Adapter. Both add exactly zero when fresh."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import loralib
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config import AdapterConfig, LoraConfig
from sla_cli.model.clips import ClipBorders, temporal_shift


class ShiftedLoRA(loralib.MergedLinear):
    """LoRA on q and v of a fused qkv projection, its input shifted in time (SLA-LoRA).

    The state dict is loralib's. The low-rank product is applied to the tokens instead of building the full
    weight delta at each step. A shifted branch cannot be merged into the weights.
    """

    def __init__(self, base: nn.Linear, config: LoraConfig, borders: ClipBorders) -> None:
        super().__init__(
            base.in_features,
            base.out_features,
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            enable_lora=[True, False, True],
            merge_weights=False,
            bias=base.bias is not None,
        )
        self.weight, self.bias = base.weight, base.bias
        self.share = config.share if config.shift == "lora" else 0.0
        self.borders = borders

    def forward(self, x: Tensor) -> Tensor:
        """x: (frames, tokens, width) → (frames, tokens, 3 * width)."""
        shifted = temporal_shift(self.lora_dropout(x), self.borders, self.share)
        low_q, low_v = F.linear(shifted, self.lora_A).chunk(2, dim=-1)
        up_q, up_v = self.lora_B.chunk(2)
        q, v = F.linear(low_q, up_q) * self.scaling, F.linear(low_v, up_v) * self.scaling
        result = F.linear(x, self.weight, self.bias)
        return result + torch.cat((q, torch.zeros_like(q), v), dim=-1).to(result.dtype)


class TemporalAdapter(nn.Module):
    """Bottleneck with a depthwise convolution over each patch's track in time (SLA-Adapter; ST-Adapter's form).

    Prefix tokens (class, registers) pass untouched. The up projection starts at zero.
    """

    def __init__(self, width: int, prefix: int, config: AdapterConfig, borders: ClipBorders) -> None:
        super().__init__()
        hidden = max(1, round(width * config.ratio))
        self.down = nn.Linear(width, hidden)
        bound = config.kernel**-0.5  # as nn.Conv1d of one channel a group starts
        self.taps = nn.Parameter(torch.empty(hidden, config.kernel).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(hidden).uniform_(-bound, bound))
        self.up = nn.Linear(hidden, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.prefix, self.kernel, self.borders = prefix, config.kernel, borders

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """x: (frames, tokens, width), same shape out; the bottleneck reads `source`, or x itself without it."""
        low = self.down((x if source is None else source)[:, self.prefix :])
        delta = self.up(F.gelu(self._over_time(low)))
        return torch.cat((x[:, : self.prefix], x[:, self.prefix :] + delta.to(x.dtype)), dim=1)

    def _over_time(self, x: Tensor) -> Tensor:
        """Depthwise convolution along frames, zero beyond each clip's ends: kernel taps times shifted frames."""
        taps = self.taps.to(x.dtype)  # (hidden, kernel)
        parts: Iterable[Tensor] = (
            self.borders.shift(x, tap - self.kernel // 2) * taps[:, tap] for tap in range(self.kernel)
        )
        return sum(parts, start=self.bias.to(x.dtype))


class AdaptedBlock(nn.Module):
    """A frozen transformer block with adapters before its attention and/or its MLP.

    With `normed` an adapter reads the tokens through the frozen norm that follows it, and adds to the tokens
    themselves: some channels of a pretrained residual stream are huge, and unnormed they stall training.
    """

    def __init__(
        self,
        block: Any,  # timm's Block
        before_attention: TemporalAdapter | None,
        before_mlp: TemporalAdapter | None,
        normed: bool,
    ) -> None:
        super().__init__()
        self.block = block
        self.normed = normed
        self.before_attention = before_attention
        self.before_mlp = before_mlp

    def forward(self, x: Tensor) -> Tensor:
        """x: (frames, tokens, width), same shape out; timm's Block.forward with the adapters in between."""
        block = self.block
        if self.before_attention is not None:
            x = self.before_attention(x, block.norm1(x) if self.normed else x)
        x = x + block.drop_path1(block.ls1(block.attn(block.norm1(x))))
        if self.before_mlp is not None:
            x = self.before_mlp(x, block.norm2(x) if self.normed else x)
        return x + block.drop_path2(block.ls2(block.mlp(block.norm2(x))))
