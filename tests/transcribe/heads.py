"""A temporal head that tells which frames it saw."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F

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
