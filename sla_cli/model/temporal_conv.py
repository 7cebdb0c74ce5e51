"""Depthwise convolutions of tokens over frames, which do not cross a clip's border.

Along the time of each token (`track_conv`), or also along rows and columns of the patch grid (`grid_conv`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sla_cli.model.clip_borders import ClipBorders


def track_conv(x: Tensor, taps: Tensor, bias: Tensor, borders: ClipBorders, prefix: int) -> Tensor:
    """Depthwise convolution of each token along frames, with zeros beyond the ends of a clip.

    Args:
        x: (frames, tokens, channels).
        taps: (channels, kernel), kernel odd.
        bias: (channels,).
        prefix: number of tokens in front (class, registers) that are not convolved; they become zero.
    """
    if not torch.compiler.is_compiling():
        return _TrackConv.apply(x, taps, bias, borders.positions.spans, prefix)
    # torch.compile fuses these. It must not see the lengths of clips, otherwise it would compile again for each batch.
    # Products and sums are at least float32, as the gradients in `_TrackConv`. Shifted frames, which autograd keeps,
    # have x's type.
    precise = torch.promote_types(x.dtype, torch.float32)
    taps, bias = taps.to(precise), bias.to(precise)
    half = taps.shape[1] // 2
    out = bias + sum(borders.shift(x, tap - half).to(precise) * taps[:, tap] for tap in range(taps.shape[1]))
    first = torch.arange(x.shape[1], device=x.device) < prefix
    return out.masked_fill(first[:, None], 0).to(x.dtype)


class _TrackConv(torch.autograd.Function):
    """One pass over memory per tap and direction; keeps only its input.

    Taps and bias may have a higher precision than the input. Their gradients are products summed over all frames and
    tokens, at least in float32: in half precision each product would be rounded before the addition.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, taps: Tensor, bias: Tensor, spans: tuple[tuple[int, int], ...], prefix: int
    ) -> Tensor:
        ctx.save_for_backward(x, taps)
        ctx.spans, ctx.prefix = spans, prefix
        taps, bias = taps.to(x.dtype), bias.to(x.dtype)
        half = taps.shape[1] // 2
        out = torch.empty_like(x)
        out[:, :prefix] = 0
        x, patches = x[:, prefix:], out[:, prefix:]
        torch.addcmul(bias, x, taps[:, half], out=patches)
        for tap, to, at in _overlaps(spans, half):
            patches[to].addcmul_(x[at], taps[:, tap])
        return out

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        taps, half = weight.to(x.dtype), weight.shape[1] // 2
        slope, x = slopes[0][:, ctx.prefix :], x[:, ctx.prefix :]
        to_x = torch.empty_like(slopes[0])
        to_x[:, : ctx.prefix] = 0
        patches = to_x[:, ctx.prefix :]
        torch.mul(slope, taps[:, half], out=patches)
        precise = slope.float() if slope.dtype.itemsize < 4 else slope
        middle = (precise * x).sum((0, 1))
        to_taps = middle.new_zeros(taps.shape[::-1])
        to_taps[half] = middle
        for tap, to, at in _overlaps(ctx.spans, half):
            patches[at].addcmul_(slope[to], taps[:, tap])
            to_taps[tap] += (precise[to] * x[at]).sum((0, 1))
        return to_x, to_taps.T.to(weight.dtype), precise.sum((0, 1)).to(weight.dtype), None, None


def _overlaps(spans: tuple[tuple[int, int], ...], half: int) -> Iterator[tuple[int, slice, slice]]:
    """(tap, frames that are written, frames that are read) for each tap except the middle one, clip by clip."""
    for offset in range(-half, half + 1):
        for start, stop in spans:
            if offset and stop - start > abs(offset):
                to = slice(start + max(0, -offset), stop - max(0, offset))
                yield offset + half, to, slice(to.start + offset, to.stop + offset)


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
