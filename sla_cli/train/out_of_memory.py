"""The memory that training used, and what to do if there is not enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from sla_cli.config.settings import Config
from sla_cli.errors import SlaError, some
from sla_cli.system.host_memory import TOO_LITTLE
from sla_cli.system.own_resources import peak_bytes


def peak_mib(device: torch.device) -> float:
    """Peak memory so far in MiB: of PyTorch on a GPU, of this process on a CPU; NaN if it is not available."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return peak_bytes() / 2**20


@contextmanager
def memory_suffices(clips: Sequence[str], frames: int, config: Config, hint: str = "") -> Iterator[None]:
    """Turn an out-of-memory error into one that names the clips and what to do: `hint`, or a smaller step.

    Raises:
        SlaError: out of memory.
    """
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not TOO_LITTLE.search(str(error)):
            raise
        raise SlaError(
            f"out of memory for {named_clips(clips)}: {frames} frames of {config.model.image_size} px",
            hint or f"In a new run, use {', or '.join(_ways(len(clips), frames, config))}.",
        ) from error


def named_clips(ids: Sequence[str]) -> str:
    """`clip a`, `clips a, b`: for a message."""
    return f"clip{'s' * (len(ids) != 1)} {some(ids)}"


def _ways(clips: int, frames: int, config: Config) -> list[str]:
    """Settings that need less memory, the smallest change first."""
    model, train = config.model, config.train
    depth = model.backbone_args.get("depth", 12)  # few ViTs have less
    ways = {
        "--set model.checkpointing=on": model.checkpointing != "on" and model.variant != "frozen",
        "--precision bf16": train.precision == "fp32",
        f"--batch {train.batch // 2} with --set train.accumulate={2 * train.accumulate}": train.batch > 1,
        f"--set train.batch_frames={max(1, frames // 2)}": clips > 1,
        f"--set train.max_frames={frames // 2}": clips <= 1 and frames // 2 >= train.min_frames,
        "--layers last:4": model.variant != "frozen" and model.layers == "all" and depth > 4,
    }
    return [way for way, helps in ways.items() if helps] or ["a smaller --backbone"]
