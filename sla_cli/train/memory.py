"""How much memory training took, and what to do where it does not suffice."""

from __future__ import annotations

import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sla_cli.config import Config
from sla_cli.data.batching import Batch
from sla_cli.errors import SlaError, some


def peak_mib(device: torch.device) -> float:
    """The most memory so far, MiB: PyTorch's on a GPU, this process's on a CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


@contextmanager
def memory_suffices(batch: Batch, config: Config) -> Iterator[None]:
    """Name the batch for which memory did not suffice. Raises SlaError."""
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not re.search("out of memory|can't allocate memory", str(error)):
            raise
        frames = int(batch.lengths.sum())
        ways = [f"--set train.batch_frames={max(1, frames // 2)}", "--set train.max_frames lower", "--layers last:4"]
        if config.train.batch > 1:
            accumulate = 2 * config.train.accumulate
            ways.insert(0, f"--batch {config.train.batch // 2} with --set train.accumulate={accumulate}")
        raise SlaError(
            f"out of memory for the batch of clips {some(batch.ids)}: {frames} frames of {config.model.image_size} px",
            f"Lower what a batch holds: {', '.join(ways)}; or use --set model.checkpointing=on, --precision bf16.",
        ) from error
