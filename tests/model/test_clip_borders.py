from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sla_cli.model.clip_borders import ClipBorders
from sla_cli.model.temporal_shift import temporal_shift

LENGTHS = st.lists(st.integers(1, 7), min_size=1, max_size=5)


def borders_of(lengths: list[int]) -> ClipBorders:
    borders = ClipBorders()
    borders.set(torch.tensor(lengths), torch.device("cpu"))
    return borders


def shifted_by_loop(x: Tensor, lengths: list[int], offset: int) -> Tensor:
    out, start = torch.zeros_like(x), 0
    for length in lengths:
        for frame in range(length):
            if 0 <= frame + offset < length:
                out[start + frame] = x[start + frame + offset]
        start += length
    return out


@given(LENGTHS, st.integers(-8, 8))
def test_shift_is_the_plain_loop(lengths: list[int], offset: int) -> None:
    x = torch.randn(sum(lengths), 2, 3)
    assert torch.equal(borders_of(lengths).shift(x, offset), shifted_by_loop(x, lengths, offset))


@given(LENGTHS, st.integers(1, 20), st.sampled_from([0.0, 0.125, 0.25, 0.5]))
def test_temporal_shift_is_the_plain_loop(lengths: list[int], channels: int, share: float) -> None:
    x = torch.randn(sum(lengths), 2, channels)
    size = int(channels * share)
    expected = x.clone()
    expected[..., :size] = shifted_by_loop(x[..., :size], lengths, -1)
    expected[..., size : 2 * size] = shifted_by_loop(x[..., size : 2 * size], lengths, 1)
    assert torch.equal(temporal_shift(x, borders_of(lengths), share), expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nothing_leaks_into_the_neighbour_not_even_nan(bad: float) -> None:
    x = torch.randn(9, 1, 8)
    x[3:6] = bad
    out = temporal_shift(x, borders_of([3, 3, 3]), 0.25)
    assert out[:3].isfinite().all()
    assert out[6:].isfinite().all()


def test_no_gradient_leaks_into_the_neighbour() -> None:
    x = torch.randn(9, 1, 8, requires_grad=True)
    temporal_shift(x, borders_of([3, 3, 3]), 0.25)[3:6].sum().backward()
    assert x.grad is not None
    assert not x.grad[:3].any()
    assert not x.grad[6:].any()
    assert x.grad[3:6].any()
