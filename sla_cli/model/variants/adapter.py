"""SLA-Adapter: bottlenecks with a convolution in time. Before training they add exactly zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config import AdapterConfig, Config
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.model.added import AddedModule, chosen_layers, reads_class_token
from sla_cli.model.blocks import AdaptedBlock
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.track_conv import track_conv

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "quickgelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "silu": F.silu,
    "none": lambda x: x,
}


def adapt(vit: Any, borders: ClipBorders, config: Config) -> None:
    """Put adapters before the attention or the MLP of the chosen blocks, or before both."""
    settings = config.adapter
    if settings.kernel % 2 == 0:
        raise SlaError(f"adapter.kernel = {settings.kernel} is even", "An odd kernel looks equally far to both sides.")
    chosen = chosen_layers(config.model.layers, len(vit.blocks))
    for number in chosen:
        before_attention, before_mlp = (
            TemporalAdapter(vit.embed_dim, vit.num_prefix_tokens, settings, borders)
            if settings.place in (place, "both")
            else None
            for place in ("attention", "mlp")
        )
        block = vit.blocks[number]
        vit.blocks[number] = AdaptedBlock(block, borders, before_attention, before_mlp, normed=settings.normed)
    if settings.place != "attention" and len(vit.blocks) - 1 in chosen and reads_class_token(vit):
        log.info("the adapter before the last MLP learns nothing: the class token is read, which it does not reach")


class TemporalAdapter(AddedModule):
    """Bottleneck with a depthwise convolution over each patch's track in time, as ST-Adapter's (Pan et al., 2022).

    Prefix tokens (class, registers) pass untouched. The up projection starts at zero, as AdaptSign's; in ST-Adapter,
    which has no activation, the convolution does.
    """

    def __init__(self, width: int, prefix: int, config: AdapterConfig, borders: ClipBorders) -> None:
        super().__init__()
        hidden = config.width or max(1, round(width * config.ratio))
        self.down = nn.Linear(width, hidden)
        self.temporal = config.temporal == "conv"
        if self.temporal:
            bound = config.kernel**-0.5  # as nn.Conv1d with one channel per group
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

        Prefix tokens pass the bottleneck as zeros, which all activations keep; to cut them off would copy the others.
        """
        low = self.down(x if source is None else source)
        if self.temporal:
            low = track_conv(low, self.taps, self.bias, self.borders, self.prefix)
        elif self.prefix:
            low = low.masked_fill((torch.arange(x.shape[1], device=x.device) < self.prefix)[:, None], 0)
        delta = F.linear(self.activation(low), self.up.weight)
        bias = F.pad(self.up.bias.expand(x.shape[1] - self.prefix, -1), (0, 0, self.prefix, 0))
        return (x + delta.to(x.dtype)).add_(bias.to(x.dtype))
