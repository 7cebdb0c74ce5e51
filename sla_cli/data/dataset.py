"""A store's split as batches, in an order that depends on seed and epoch alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from sla_cli.config import TrainConfig
from sla_cli.core.ctc import minimum_steps
from sla_cli.data.augment import random_view
from sla_cli.data.batching import Batch, Sample, collate
from sla_cli.errors import SlaError
from sla_cli.formats.codec import REDUCED
from sla_cli.formats.store import Split


class ClipDataset(Dataset[Sample]):
    """Clips by (epoch, index); epoch -1 asks for the evaluation view.

    Frames are decoded at the least size that still holds `image_size` pixels in a crop's side.
    """

    def __init__(
        self, split: Split, vocabulary: Sequence[str], stride: int, config: TrainConfig, image_size: int = 1 << 16
    ) -> None:
        self.split, self.stride, self.config = split, stride, config
        fitting = [factor for factor in REDUCED if split.size * config.crop / factor >= image_size]
        self.reduce = max(fitting, default=1)
        self.numbers = {gloss: number for number, gloss in enumerate(vocabulary, start=1)}

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        clip = self.split[index]
        if epoch < 0:
            return Sample(clip.id, clip.frames(reduce=self.reduce), (0.5, 0.5), False, ())
        targets = tuple(self.numbers[gloss] for gloss in clip.glosses)
        rng = np.random.default_rng((self.config.seed, epoch, index))
        view = random_view(len(clip), minimum_steps(targets) * self.stride, self.stride, self.config, rng)
        return Sample(clip.id, clip.frames(reduce=self.reduce)[view.frames], (view.top, view.left), view.flip, targets)


def training_batches(data: ClipDataset, epoch: int, pin: bool) -> Iterator[Batch]:
    """One epoch of shuffled batches. Raises FormatError where a clip cannot be read."""
    config = data.config
    order = np.random.default_rng((config.seed, epoch)).permutation(len(data))
    keys = [
        [(epoch, int(index)) for index in order[start : start + config.batch]]
        for start in range(0, len(order), config.batch)
    ]
    return _load(_Batches(data, keys), pin)


def evaluation_batches(data: ClipDataset, pin: bool) -> Iterator[Batch]:
    """Every clip once, in the store's order, one a batch: a clip's emission depends on nothing else.

    Raises:
        FormatError: a clip cannot be read.
    """
    return _load(_Batches(data, [[(-1, index)] for index in range(len(data))]), pin)


def _load(batches: _Batches, pin: bool) -> Iterator[Batch]:
    workers = batches.data.config.workers
    if workers < 0:
        cores = os.cpu_count() or 1
        workers = min(8, cores) if torch.cuda.is_available() else min(1, cores - 1)
    for batch in DataLoader(batches, batch_size=None, num_workers=workers, pin_memory=pin):
        if isinstance(batch, SlaError):
            raise batch
        yield batch


class _Batches(Dataset[Batch | SlaError]):
    """Batches by number. An error is an item, since DataLoader would raise it with a worker's traceback in it."""

    def __init__(self, data: ClipDataset, keys: list[list[tuple[int, int]]]) -> None:
        self.data, self.keys = data, keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, number: int) -> Batch | SlaError:
        try:
            return collate([self.data[key] for key in self.keys[number]])
        except SlaError as error:
            return error
