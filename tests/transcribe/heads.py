"""A temporal head that tells which frames it saw, and windows for it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import strategies as st
from torch.nn import functional as F

from sla_cli.core.windows import Windows
from sla_cli.transcribe.windows import Floats


def head_that_sees(reach: int, stride: int, lengths: list[int] | None = None) -> Callable[[Floats], Floats]:
    """Each step sums the frames from `reach` before its first to `reach` after its last; clips end in zeros."""

    def head(features: Floats) -> Floats:
        if lengths is not None:
            lengths.append(len(features))
        steps = -(-len(features) // stride)
        padded = F.pad(torch.from_numpy(features).T, (reach, reach + steps * stride - len(features)))
        return padded.unfold(1, stride + 2 * reach, stride).sum(-1).T.numpy()

    return head


@st.composite
def strides_and_windows(draw: st.DrawFn) -> tuple[int, Windows]:
    stride = draw(st.integers(1, 4))
    context = draw(st.integers(1, 3)) * stride
    return stride, Windows(2 * context + draw(st.integers(1, 4)) * stride, context)
