"""SLA-Adapter: bottlenecks with a convolution over neighbouring frames and patches. Untrained adapters add zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sla_cli.config.settings import AdapterConfig, Config
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.model.added import AddedModule, chosen_layers, reads_class_token
from sla_cli.model.blocks import AdaptedBlock
from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_conv import grid_conv, track_conv

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "quickgelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu": F.relu,
    "silu": F.silu,
    "none": lambda x: x,
}


def adapt(vit: Any, borders: ClipBorders, config: Config) -> None:
    """Put adapters before the attention or the MLP of the chosen blocks, before both, or after the blocks."""
    settings, grid = config.adapter, vit.patch_embed.grid_size
    _check(settings, grid)
    chosen = chosen_layers(config.model.layers, len(vit.blocks))
    for number in chosen:
        before_attention, before_mlp, after = (
            TemporalAdapter(vit.embed_dim, vit.num_prefix_tokens, settings, borders, grid)
            if settings.place in places
            else None
            for places in (("attention", "both"), ("mlp", "both"), ("after",))
        )
        block = vit.blocks[number]
        vit.blocks[number] = AdaptedBlock(block, borders, before_attention, before_mlp, after, normed=settings.normed)
    if settings.place != "attention" and len(vit.blocks) - 1 in chosen and reads_class_token(vit):
        where = "after the last block" if settings.place == "after" else "before the last MLP"
        log.info("the adapter %s learns nothing: features use the class token, which it does not affect", where)


def _check(settings: AdapterConfig, grid: tuple[int, int]) -> None:
    """Raise SlaError if settings of the adapter do not fit each other, or the backbone's grid of patches."""
    size, plain = settings.kernel_3d, settings.temporal == "none"
    if even := [length for length in size if length % 2 == 0]:
        raise SlaError(f"adapter.kernel = {even[0]} is even", "Use an odd kernel, which covers both sides equally.")
    if any(length // 2 >= patches for length, patches in zip(size[1:], grid, strict=True)):
        raise SlaError(
            f"adapter.kernel = {list(size)} reaches beyond the {grid[0]} x {grid[1]} patches of a frame",
            "Use fewer rows and columns, or a larger --image-size.",
        )
    if plain and size[1:] != (1, 1):
        raise SlaError(
            f"adapter.kernel = {list(size)} needs a convolution, which adapter.temporal = none leaves out",
            "Set one of them: --set adapter.temporal=conv, or --set adapter.kernel=3.",
        )
    if plain and settings.start == "conv":
        raise SlaError(
            "adapter.start = conv needs a convolution, which adapter.temporal = none leaves out",
            "Use --set adapter.start=up: the up projection is zero before training.",
        )
    if settings.place == "after" and settings.normed:
        raise SlaError(
            "adapter.place = after: the next norm belongs to another block, so the adapter cannot read its output",
            "Use --set adapter.normed=false, and for a norm in the adapter --set adapter.layer_norm=true.",
        )


class TemporalAdapter(AddedModule):
    """Bottleneck with a depthwise convolution over neighbouring frames and patches (ST-Adapter, Pan et al., 2022).

    Prefix tokens (class, registers) are not changed. Initially the up projection is zero, as in AdaptSign, or the
    convolution, as in ST-Adapter; the norms (LVM-STeM) keep the output zero.

    Args:
        width: width of the tokens.
        prefix: number of prefix tokens.
        grid: rows and columns of patches, for a kernel that spans several.
    """

    def __init__(
        self, width: int, prefix: int, config: AdapterConfig, borders: ClipBorders, grid: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        hidden = config.width or max(1, round(width * config.ratio))
        self.norm_in = nn.LayerNorm(width) if config.layer_norm else nn.Identity()
        self.down = nn.Linear(width, hidden)
        self.temporal, self.kernel, self.grid = config.temporal == "conv", config.kernel_3d, grid
        if self.temporal:
            taps = math.prod(self.kernel)
            bound = taps**-0.5  # as nn.Conv3d with one channel per group
            self.taps = nn.Parameter(torch.empty(hidden, taps).uniform_(-bound, bound))
            self.bias = nn.Parameter(torch.empty(hidden).uniform_(-bound, bound))
        self.norm_low = nn.LayerNorm(hidden) if config.layer_norm else nn.Identity()
        self.activation = ACTIVATIONS[config.activation]
        self.up = nn.Linear(hidden, width)
        zero = (self.up.weight,) if config.start == "up" else (self.down.bias, self.taps, self.bias)
        for value in (*zero, self.up.bias):
            nn.init.zeros_(value)
        self.prefix, self.borders = prefix, borders
        self.masked = prefix > 0 and (config.layer_norm or not self.temporal)
        self.reach = self.kernel[0] // 2 if self.temporal else 0

    def forward(self, x: Tensor, source: Tensor | None = None) -> Tensor:
        """x: (frames, tokens, width), same shape out; the bottleneck reads `source`, or x itself without it.

        Prefix tokens are zero in the bottleneck, which all activations keep; removing them would copy the other tokens.
        """
        low = self.down(self.norm_in(x if source is None else source))
        if self.temporal:
            low = self._convolved(low)
        low = self.norm_low(low)
        if self.masked:
            low = low.masked_fill((torch.arange(x.shape[1], device=x.device) < self.prefix)[:, None], 0)
        delta = F.linear(self.activation(low), self.up.weight)
        bias = F.pad(self.up.bias.expand(x.shape[1] - self.prefix, -1), (0, 0, self.prefix, 0))
        return (x + delta).add_(bias.to(x.dtype))  # the sum has the type of x, which is at least as precise

    def _convolved(self, low: Tensor) -> Tensor:
        if self.kernel[1:] == (1, 1):
            return track_conv(low, self.taps, self.bias, self.borders, self.prefix)
        return grid_conv(low, self.taps, self.bias, self.borders, self.prefix, kernel=self.kernel, grid=self.grid)
