"""How much memory activations take, and how much is free."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from sla_cli.control_groups import GROUPS, OWN_GROUPS, groups_above, text_of


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
    del output  # it held all kept tensors until here, so that no address was used twice
    return sum(size for address, size in kept.items() if address not in weights)


def free_memory(device: torch.device, own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> int:
    """Bytes that are free on the GPU; or on the machine within the limits of the job (Linux; elsewhere no bound)."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    free = [1 << 62, *(limit - used for limit, used in _limits(own_groups, groups))]
    meminfo = Path("/proc/meminfo")
    if meminfo.is_file():
        fields = dict(line.split(":") for line in meminfo.read_text().splitlines())
        free.append(int(fields["MemAvailable"].split()[0]) * 1024)
    return min(free)


def total_memory(device: torch.device, own_groups: Path = OWN_GROUPS, groups: Path = GROUPS) -> int:
    """Bytes that the GPU has; or the machine, within the limits of the job."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([pages, *(limit for limit, _ in _limits(own_groups, groups))])


def _limits(own_groups: Path, groups: Path) -> Iterator[tuple[int, int]]:
    """Bytes that each control group above this process may use, and uses; groups without a limit are left out."""
    for folder in groups_above("memory", own_groups, groups):
        for most, now in (("max", "current"), ("limit_in_bytes", "usage_in_bytes")):
            limit, used = (text_of(folder / f"memory.{name}") for name in (most, now))
            if limit.isdecimal():  # else "max": none
                yield int(limit), int(used) if used.isdecimal() else 0
