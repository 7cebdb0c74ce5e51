"""How often Python asks for the value of a tensor that a model computed: on a GPU the host would wait each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

ASKING = {
    Tensor.item,
    Tensor.tolist,
    Tensor.cpu,
    Tensor.numpy,
    Tensor.nonzero,
    Tensor.__bool__,
    Tensor.__int__,
    Tensor.__float__,
    Tensor.__index__,
    torch.nonzero,
    torch.equal,
    torch.allclose,
}


class HostWaits(TorchFunctionMode):
    """Counts within its block.

    Args:
        device: tensors that would lie on the GPU; so does all that is computed of them.
    """

    def __init__(self, device: Iterable[Tensor]) -> None:
        super().__init__()
        self.device = {id(value): value for value in device}  # held, so that no address is used twice
        self.count = 0

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if any(id(leaf) in self.device for leaf in tree_leaves((args, kwargs))):
            self.count += function in ASKING
            self.device |= {id(leaf): leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)}
        return result
