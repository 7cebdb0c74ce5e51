"""The memory that activations need, and the free memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from sla_cli.system.control_groups import GROUPS, OWN_GROUPS
from sla_cli.system.host_memory import free_bytes, total_bytes


def bytes_kept(model: nn.Module, forward: Callable[[], Tensor]) -> int:
    """Bytes that autograd keeps for the backward pass of `forward`, without weights. Random state is kept."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    device = next(model.parameters()).device
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = forward()
    del output  # it held all kept tensors until here, so no address was used twice
    return sum(size for address, size in kept.items() if address not in weights)


def free_memory(device: torch.device, own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> int:
    """Free bytes on the GPU, or on the machine within the limits of the job (Linux; on other systems no limit)."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    return free_bytes(own_groups, groups)


def total_memory(device: torch.device, own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> int:
    """Total bytes of the GPU, or of the machine within the limits of the job."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return total_bytes(own_groups, groups)
