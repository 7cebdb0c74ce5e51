"""How much memory activations take, and how much is free."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn


def bytes_kept(model: nn.Module, forward: Callable[[], Tensor]) -> int:
    """Bytes that autograd keeps for the backward pass of `forward`, without weights. Random state is kept."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.random.fork_rng(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = forward()
    del output  # it held all kept tensors until here, so that no address was used twice
    return sum(size for address, size in kept.items() if address not in weights)


def free_memory(device: torch.device) -> int:
    """Bytes that are free on the GPU; or on the machine within the limit of the job (Linux; elsewhere no bound)."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    free = [1 << 62]
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        fields = dict(line.split(":") for line in meminfo.read_text().splitlines())
        free.append(int(fields["MemAvailable"].split()[0]) * 1024)
    used = Path("/sys/fs/cgroup/memory.current")
    if used.is_file() and (limit := _limit()) is not None:
        free.append(limit - int(used.read_text()))
    return min(free)


def total_memory(device: torch.device) -> int:
    """Bytes that the GPU has; or the machine, within the limit of the job."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return pages if (limit := _limit()) is None else min(pages, limit)


def _limit() -> int | None:
    """Bytes that the job may use (Linux), None where nothing bounds it."""
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return None if text == "max" else int(text)
