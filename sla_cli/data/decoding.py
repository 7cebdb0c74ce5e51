"""Frames out of the store straight into the memory of a batch: a copy less is a tenth of the time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import get_worker_info

from sla_cli.errors import FormatError
from sla_cli.formats.store import REDUCED, StoredClip


def empty_frames(shape: tuple[int, ...]) -> Tensor:
    """uint8 memory for a batch: in a worker, memory that it shares with the training process."""
    if get_worker_info() is None:
        return torch.empty(shape, dtype=torch.uint8)
    size = int(np.prod(shape))
    storage: torch.UntypedStorage = torch.UntypedStorage._new_shared(size)
    return torch.empty(0, dtype=torch.uint8).set_(storage).view(shape)


def read_frames(path: Path, clip: StoredClip, wanted: Sequence[int], reduce: int, out: np.ndarray) -> None:
    """Decode the wanted frames of a clip of the file `path` into `out`: RGB uint8 (frames, height, width, 3).

    They are sorted; repeats are copied.

    Raises:
        FormatError: a frame does not decode.
    """
    data = clip.encoded()
    for place, number in enumerate(wanted):
        if place and number == wanted[place - 1]:
            out[place] = out[place - 1]
            continue
        image = cv2.imdecode(data[number], REDUCED[reduce])
        if image is None:
            raise FormatError(f"{path}: clip {clip.id}, frame {number} does not decode", "Run `sla prep` again.")
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=out[place])
