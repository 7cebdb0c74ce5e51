"""Batch normalisation over several processes, on any device; PyTorch's own needs a GPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce


class SyncBatchNorm1d(nn.BatchNorm1d):
    """Normalises as if the steps of all processes were in one batch. The same state as BatchNorm1d."""

    def __init__(self, norm: nn.BatchNorm1d) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        assert norm.running_mean is not None
        self.to(norm.running_mean.device)
        self.load_state_dict(norm.state_dict())

    def forward(self, x: Tensor) -> Tensor:
        """x: (clips, channels, time) → float32 of the same shape."""
        if not self.training:
            return super().forward(x)
        x = x.float()
        count = all_reduce(torch.full((1,), float(x.shape[0] * x.shape[2]), device=x.device))
        mean = all_reduce(x.sum((0, 2))) / count
        centred = x - mean.view(1, -1, 1)
        variance = all_reduce(centred.square().sum((0, 2))) / count
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
            assert self.num_batches_tracked is not None
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = (variance + self.eps).rsqrt()
        if not self.affine:
            return centred * scale.view(1, -1, 1)
        return centred * (self.weight * scale).view(1, -1, 1) + self.bias.view(1, -1, 1)
