"""The convolution over frames, rows and columns is PyTorch's Conv3d, clip by clip."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_conv import grid_conv

Kernel = tuple[int, int, int]
ODD = st.sampled_from([1, 3, 5])


def borders_of(lengths: list[int]) -> ClipBorders:
    made = ClipBorders()
    made.set(torch.tensor(lengths), torch.device("cpu"))
    return made


def by_conv3d(
    x: Tensor, taps: Tensor, bias: Tensor, lengths: list[int], kernel: Kernel, grid: tuple[int, int]
) -> Tensor:
    """PyTorch's, on each clip alone as video (1, channels, frames, rows, columns)."""
    weight, padding = taps.view(-1, 1, *kernel), tuple(size // 2 for size in kernel)
    videos = (clip.unflatten(1, grid).permute(3, 0, 1, 2)[None] for clip in x.split(lengths))
    outs = [F.conv3d(video, weight, bias, padding=padding, groups=len(taps))[0] for video in videos]
    return torch.cat(outs, dim=1).permute(1, 2, 3, 0).flatten(1, 2)


def inputs(frames: int, tokens: int, kernel: Kernel, channels: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.randn(frames, tokens, channels, dtype=torch.double, requires_grad=True)
    taps = torch.randn(channels, math.prod(kernel), dtype=torch.double, requires_grad=True)
    return x, taps, torch.randn(channels, dtype=torch.double, requires_grad=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.tuples(ODD, ODD, ODD),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.integers(0, 2),
)
def test_values_and_gradients_are_conv3ds(
    lengths: list[int], kernel: Kernel, grid: tuple[int, int], prefix: int
) -> None:
    x, taps, bias = inputs(sum(lengths), prefix + math.prod(grid), kernel)
    found = grid_conv(x, taps, bias, borders_of(lengths), prefix, kernel=kernel, grid=grid)
    expected = by_conv3d(x[:, prefix:], taps, bias, lengths, kernel, grid)
    assert not found[:, :prefix].any()
    torch.testing.assert_close(found[:, prefix:], expected)
    slope = torch.randn_like(expected)
    wanted = [x, taps, bias]
    got, right = (torch.autograd.grad((out * slope).sum(), wanted) for out in (found[:, prefix:], expected))
    for one, two in zip(got, right, strict=True):
        torch.testing.assert_close(one, two)


def test_where_there_are_prefix_tokens_alone_nothing_is_convolved() -> None:
    x, taps, bias = inputs(4, 2, (3, 3, 3))
    assert not grid_conv(x, taps, bias, borders_of([4]), 2, kernel=(3, 3, 3), grid=(2, 3)).any()


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_gradients_of_taps_are_rounded_but_not_summed_in_half_precision(half: torch.dtype) -> None:
    """Of the same rounded tokens and slopes: sums of up to 1,800 products are off by two roundings at most."""
    kernel, grid, lengths = (3, 3, 3), (10, 20), [5, 1, 3]
    taps, bias = torch.randn(4, 27, requires_grad=True), torch.randn(4, requires_grad=True)
    x, slope = (torch.randn(9, 200, 4).abs().to(half) for _ in range(2))
    grid_conv(x, taps, bias, borders_of(lengths), 0, kernel=kernel, grid=grid).backward(slope)
    exact = [value.detach().to(half).double().requires_grad_() for value in (taps, bias)]
    grid_conv(x.double(), *exact, borders_of(lengths), 0, kernel=kernel, grid=grid).backward(slope.double())
    for found, expected in zip((taps, bias), exact, strict=True):
        torch.testing.assert_close(found.grad.double(), expected.grad, rtol=2 * torch.finfo(half).eps, atol=0)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_nothing_leaks_into_the_neighbour_not_even_nan(bad: float) -> None:
    kernel, grid = (3, 3, 3), (2, 3)
    x, taps, bias = inputs(9, 6, kernel)
    with torch.no_grad():
        x[3:6] = bad
        out = grid_conv(x, taps, bias, borders_of([3, 3, 3]), 0, kernel=kernel, grid=grid)
    assert out[:3].isfinite().all()
    assert out[6:].isfinite().all()
