"""How many blocks of the backbone compute their activations again in the backward pass, and the memory for that."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from sla_cli.system.host_memory import free_bytes, total_bytes

SHARE_OF_MEMORY = 0.6  # share of the free memory that activations may use; gradients need some too


def count_by_setting(setting: str, blocks: int) -> int | None:
    """The number of blocks: `on` is all of them, `off` none, a number at most all; None for `auto`."""
    if setting in ("auto", "on", "off"):
        return {"auto": None, "on": blocks, "off": 0}[setting]
    return min(int(setting), blocks)


def fits(need: int, free: int) -> bool:
    """Whether this number of bytes of activations fits in the free memory."""
    return need <= SHARE_OF_MEMORY * free


def count_by_memory(blocks: int, need: int, saved: int, free: int) -> int:
    """The smallest number of blocks that is enough; all blocks if even this is not enough.

    Args:
        blocks: number of blocks whose activations autograd keeps.
        need: bytes that autograd keeps without checkpoints.
        saved: bytes that one checkpointed block saves.
        free: free bytes.
    """
    return min(blocks, math.ceil((need - SHARE_OF_MEMORY * free) / max(1, saved)))


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


def free_memory(device: torch.device) -> int:
    """Free bytes on the GPU, or on the machine within the limits of the job (Linux; on other systems no limit)."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    return free_bytes()


def total_memory(device: torch.device) -> int:
    """Total bytes of the GPU, or of the machine within the limits of the job."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return total_bytes()
