"""Memory for decoded frames, which a worker fills and the training process reads without a copy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info


def empty_frames(shape: tuple[int, ...]) -> Tensor:
    """uint8 memory for a batch; in a worker it is shared with the training process."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    size = int(np.prod(shape))
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size)
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)
