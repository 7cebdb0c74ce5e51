"""SLA-Adapter: bottlenecks with a convolution in time. They add exactly zero when fresh."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config import AdapterConfig
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.track_conv import track_conv

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "quickgelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "silu": F.silu,
    "none": lambda x: x,
}


class TemporalAdapter(nn.Module):
    """Bottleneck with a depthwise convolution over each patch's track in time (ST-Adapter's form).

    Prefix tokens (class, registers) pass untouched. The up projection starts at zero.

    Attributes:
        reach: frames to either side that an output depends on.
    """

    def __init__(self, width: int, prefix: int, config: AdapterConfig, borders: ClipBorders) -> None:
        super().__init__()
        hidden = config.width or max(1, round(width * config.ratio))
        self.down = nn.Linear(width, hidden)
        self.temporal = config.temporal == "conv"
        if self.temporal:
            bound = config.kernel**-0.5  # as nn.Conv1d of one channel a group starts
            self.taps = nn.Parameter(torch.empty(hidden, config.kernel).uniform_(-bound, bound))
            self.bias = nn.Parameter(torch.empty(hidden).uniform_(-bound, bound))
        self.activation = ACTIVATIONS[config.activation]
        self.up = nn.Linear(hidden, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)
        self.prefix, self.borders = prefix, borders
        self.reach = config.kernel // 2 if self.temporal else 0

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """x: (frames, tokens, width), same shape out; the bottleneck reads `source`, or x itself without it.

        Prefix tokens go along as zeros, which all activations keep: cutting them off would copy all others.
        """
        low = self.down(x if source is None else source)
        if self.temporal:
            low = track_conv(low, self.taps, self.bias, self.borders, self.prefix)
        elif self.prefix:
            low = low.masked_fill((torch.arange(x.shape[1], device=x.device) < self.prefix)[:, None], 0)
        delta = F.linear(self.activation(low), self.up.weight)
        bias = F.pad(self.up.bias.expand(x.shape[1] - self.prefix, -1), (0, 0, self.prefix, 0))
        return (x + delta.to(x.dtype)).add_(bias.to(x.dtype))
