"""Copies batches to the device before they are needed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import torch

from sla_cli.data.batching import Batch


def on_device(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches. On a GPU each is copied there while the previous one is computed.

    Args:
        batches: in pinned memory; otherwise the host waits for the copy.
    """
    if device.type != "cuda":
        yield from batches
        return
    copies, ahead = torch.cuda.Stream(device), deque[tuple[Batch, torch.cuda.Event]]()
    for batch in batches:
        with torch.cuda.stream(copies):
            ahead.append((batch.to(device), copies.record_event()))
        if len(ahead) == 2:
            yield _ready(*ahead.popleft(), device)
    while ahead:
        yield _ready(*ahead.popleft(), device)


def _ready(batch: Batch, copied: torch.cuda.Event, device: torch.device) -> Batch:
    """The batch after its copy, for the stream that computes; the host does not wait."""
    current = torch.cuda.current_stream(device)
    current.wait_event(copied)
    for part in (batch.frames, batch.targets):
        part.record_stream(current)  # prevents that the next copy reuses its memory before it is used
    return batch
