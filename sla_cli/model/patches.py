"""A patch embedding for backbones without pretrained weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

GREY = (1 / 3, 1 / 3, 1 / 3)
RED_MINUS_BLUE = (0.5, 0.0, -0.5)  # separates skin from clothes
SHARE_OF_GREY = 0.75  # share of the channels


@torch.no_grad()
def whiten_patches(conv: nn.Conv2d) -> None:
    """Set a patch embedding to low cosine frequencies, each weighted by its frequency; in place.

    The power of natural images falls with the square of the frequency (Field, 1987), so this nearly whitens them: a
    small moving hand has as much weight as the still background, unlike with random weights. If there are more channels
    than patterns of a patch, the others are not changed.

    Args:
        conv: RGB patches to tokens, stride equal to kernel.
    """
    sides, grey = conv.weight.shape[2:], round(conv.out_channels * SHARE_OF_GREY)
    patterns = torch.cat((_cosines(sides, grey, GREY), _cosines(sides, conv.out_channels - grey, RED_MINUS_BLUE)))
    conv.weight[: len(patterns)] = patterns
    if conv.bias is not None:
        conv.bias.zero_()


def _cosines(sides: Sequence[int], count: int, colour: tuple[float, ...]) -> Tensor:
    """(count, 3, height, width): the lowest two-dimensional DCT-II patterns without the constant one."""
    down, across = map(_waves, sides)
    pairs = sorted((u * u + v * v, u, v) for u in range(len(down)) for v in range(len(across)))
    patterns = [math.sqrt(power) * torch.outer(down[u], across[v]) for power, u, v in pairs[1 : count + 1]]
    found = torch.stack(patterns) if patterns else torch.empty(0, len(down), len(across))
    return found[:, None] * torch.tensor(colour).view(3, 1, 1)


def _waves(side: int) -> Tensor:
    """(frequencies, side): the DCT-II in one dimension."""
    steps = torch.arange(side)
    waves = torch.cos(math.pi * (steps + 0.5) * steps[:, None] / side) * math.sqrt(2 / side)
    waves[0] /= math.sqrt(2)
    return waves
