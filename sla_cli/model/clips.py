"""Where clips begin and end in a batch of concatenated frames, and shifts in time that never cross a border."""

from __future__ import annotations

import torch
from torch import Tensor


class ClipBorders:
    """The lengths of the clips in the batch at hand.

    One instance is shared by all temporal modules of a model; the recogniser sets it before each forward pass,
    since timm's blocks pass nothing but tokens along.
    """

    def __init__(self) -> None:
        self._index = torch.empty(0, dtype=torch.long)
        self._length = torch.empty(0, dtype=torch.long)

    def set(self, lengths: Tensor, device: torch.device) -> None:
        """lengths: int64 (clips,), frames of each clip."""
        lengths = lengths.to("cpu", torch.long)
        total, starts = int(lengths.sum()), lengths.cumsum(0) - lengths
        self._index = (torch.arange(total) - starts.repeat_interleave(lengths)).to(device)
        self._length = lengths.repeat_interleave(lengths).to(device)

    def shift(self, x: Tensor, offset: int) -> Tensor:
        """Each frame's value from `offset` frames later in its clip, zeros beyond the clip's ends.

        Args:
            x: (frames, ...), the clips one after the other.
        """
        if offset == 0:
            return x
        if abs(offset) >= len(x):
            return torch.zeros_like(x)
        gap = x.new_zeros(abs(offset), *x.shape[1:])
        moved = torch.cat((x[offset:], gap)) if offset > 0 else torch.cat((gap, x[:offset]))
        source = self._index + offset
        inside = (source >= 0) & (source < self._length)
        return moved.masked_fill(~inside.view(-1, *[1] * (x.dim() - 1)), 0)  # not a product: 0 * inf would leak


def temporal_shift(x: Tensor, borders: ClipBorders, share: float) -> Tensor:
    """Temporal shift module (Lin et al., 2019): a share of channels from the frame before, as many from the next.

    Args:
        x: (frames, tokens, channels).
        share: part of the channels shifted in each direction, 0 to 0.5.
    """
    size = int(x.shape[-1] * share)
    if size == 0:
        return x
    before = borders.shift(x[..., :size], -1)
    after = borders.shift(x[..., size : 2 * size], 1)
    return torch.cat((before, after, x[..., 2 * size :]), dim=-1)
