"""Temporal shift: some channels come from the neighbouring frames of a clip (TSM, Lin et al., 2019).

Of tokens, or, as in LVM-STeM, of the keys and values of attention, for both kinds of attention in timm.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sla_cli.model.clip_borders import ClipBorders


def temporal_shift(x: Tensor, borders: ClipBorders, share: float) -> Tensor:
    """Temporal shift module (Lin et al., 2019): some channels come from the previous frame, as many from the next.

    Args:
        x: (frames, ..., channels).
        share: part of the channels shifted in each direction, 0 to 0.5.
    """
    size = int(x.shape[-1] * share)
    if size == 0:
        return x
    before = borders.shift(x[..., :size], -1)
    after = borders.shift(x[..., size : 2 * size], 1)
    return torch.cat((before, after, x[..., 2 * size :]), dim=-1)


def shift_keys_and_values(attention: Any, borders: ClipBorders, share: float) -> None:
    """Take a share of the channels of each head's keys and values from the previous and the next frame, in place.

    Args:
        attention: timm's module, whose projections add their bias themselves.
        share: of a head's channels, shifted in each direction.
    """
    if getattr(attention, "qkv", None) is not None:
        attention.qkv = ShiftedHeads(attention.qkv, (False, True, True), attention.head_dim, borders, share)
    else:
        for name in ("k_proj", "v_proj"):
            layer = ShiftedHeads(getattr(attention, name), (True,), attention.head_dim, borders, share)
            setattr(attention, name, layer)


class ShiftedHeads(nn.Module):
    """A projection to heads in which some channels come from the neighbouring frames; zeros at clip borders.

    Args:
        projection: (frames, tokens, width) to (frames, tokens, parts times heads times channels).
        parts: whether each part of its output (queries, keys and values of a fused one) is shifted.
        channels: channels of a head.
        share: of a head's channels, shifted in each direction.
    """

    def __init__(
        self, projection: nn.Module, parts: tuple[bool, ...], channels: int, borders: ClipBorders, share: float
    ) -> None:
        super().__init__()
        self.projection, self.parts, self.channels = projection, parts, channels
        self.borders, self.share = borders, share

    def forward(self, x: Tensor) -> Tensor:
        """The projection's output, in the same shape, with shifted channels."""
        outputs = self.projection(x).unflatten(-1, (len(self.parts), -1, self.channels)).unbind(-3)
        shifted = [
            temporal_shift(output, self.borders, self.share) if on else output
            for output, on in zip(outputs, self.parts, strict=True)
        ]
        return torch.stack(shifted, -3).flatten(-3)
