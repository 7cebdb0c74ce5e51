"""Temporal shift (TSM) along the frames of each clip."""

from __future__ import annotations

import torch
from torch import Tensor

from sla_cli.model.clip_borders import ClipBorders


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
