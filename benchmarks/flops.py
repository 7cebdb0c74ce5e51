"""Floating-point operations of a run, and a matrix product that shows how many the machine reaches."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from sla_cli.model.device import Placement

_ATEN = torch.ops.aten
# PyTorch counts attention only on GPUs, and does not count products that are added in place.
UNCOUNTED = {
    _ATEN.addmm_: lambda into, a, b, **_: 2 * a[0] * a[1] * b[1],
    _ATEN._scaled_dot_product_flash_attention_for_cpu: lambda *shapes, **_: sdpa_flop_count(*shapes[:3]),
    _ATEN._scaled_dot_product_flash_attention_for_cpu_backward: lambda *shapes, **_: sdpa_backward_flop_count(
        *shapes[:4]
    ),
}
Run = Callable[[], object]


def flops_of(run: Run) -> int:
    """Operations of matrix products, convolutions and attention; a multiplication and an addition count as two."""
    with FlopCounterMode(display=False, custom_mapping=UNCOUNTED) as counter:
        run()
    return int(counter.get_total_flops())


def matrix_product(rows: int, width: int, placement: Placement) -> Run:
    """The largest product of a transformer block: tokens times the first layer of the MLP."""
    tokens = torch.randn(rows, width, device=placement.device, dtype=placement.dtype)
    weight = torch.randn(4 * width, width, device=placement.device, dtype=placement.dtype)
    return lambda: torch.nn.functional.linear(tokens, weight)
