"""Depthwise convolution along time, rows and columns of the patch grid, which does not cross a clip's border."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from sla_cli.model.clip_borders import ClipBorders


def grid_conv(
    x: Tensor,
    taps: Tensor,
    bias: Tensor,
    borders: ClipBorders,
    prefix: int,
    *,
    kernel: tuple[int, int, int],
    grid: tuple[int, int],
) -> Tensor:
    """Depthwise convolution in three dimensions, with zeros beyond the ends of a clip and the edges of the grid.

    It is computed as a sum of 2D convolutions, one for each frame of the kernel, each shifted in time. These are fast
    in PyTorch on all devices; its 3D convolution takes several times as long with gradients.

    Args:
        x: (frames, tokens, channels).
        taps: (channels, product of the kernel), in the order of frames, rows, columns.
        bias: (channels,).
        prefix: number of tokens in front (class, registers) that are not convolved; they become zero.
        kernel: frames, rows and columns, odd.
        grid: rows and columns of patches. If there are only prefix tokens, nothing is convolved.
    """
    if x.shape[1] == prefix:
        return torch.zeros_like(x)
    frames, height, width = kernel
    planes = taps.to(x.dtype).view(-1, 1, *kernel).unbind(2)
    patches = x[:, prefix:].unflatten(1, grid).permute(0, 3, 1, 2)
    inner = (height // 2, width // 2)
    shifted = (
        borders.shift(F.conv2d(patches, plane, padding=inner, groups=len(taps)), number - frames // 2)
        for number, plane in enumerate(planes)
    )
    out = sum(shifted, bias.to(x.dtype).view(-1, 1, 1))
    return F.pad(out.permute(0, 2, 3, 1).flatten(1, 2), (0, 0, prefix, 0))
