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
from sla_cli.formats.store import Split


class ClipDataset(Dataset[Sample]):
    """Clips by (epoch, index); epoch -1 asks for the evaluation view."""

    def __init__(self, split: Split, vocabulary: Sequence[str], stride: int, config: TrainConfig) -> None:
        self.split, self.stride, self.config = split, stride, config
        self.numbers = {gloss: number for number, gloss in enumerate(vocabulary, start=1)}

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, index = key
        clip = self.split[index]
        if epoch < 0:
            return Sample(clip.id, clip.frames(), (0.5, 0.5), False, ())
        targets = tuple(self.numbers[gloss] for gloss in clip.glosses)
        rng = np.random.default_rng((self.config.seed, epoch, index))
        view = random_view(len(clip), minimum_steps(targets) * self.stride, self.stride, self.config, rng)
        return Sample(clip.id, clip.frames()[view.frames], (view.top, view.left), view.flip, targets)


def training_batches(data: ClipDataset, epoch: int, pin: bool) -> DataLoader[Batch]:
    """One epoch of shuffled batches."""
    config = data.config
    order = np.random.default_rng((config.seed, epoch)).permutation(len(data))
    batches = [
        [(epoch, int(index)) for index in order[start : start + config.batch]]
        for start in range(0, len(order), config.batch)
    ]
    return _loader(data, batches, config.workers, pin)


def evaluation_batches(data: ClipDataset, pin: bool) -> DataLoader[Batch]:
    """Every clip once, in the store's order, one a batch: a clip's emission depends on nothing else."""
    return _loader(data, [[(-1, index)] for index in range(len(data))], data.config.workers, pin)


def _loader(data: ClipDataset, batches: list[list[tuple[int, int]]], workers: int, pin: bool) -> DataLoader[Batch]:
    if workers < 0:
        cores = os.cpu_count() or 1
        workers = min(8, cores) if torch.cuda.is_available() else min(1, cores - 1)
    return DataLoader(data, batch_sampler=_Fixed(batches), collate_fn=collate, num_workers=workers, pin_memory=pin)


class _Fixed:
    """A batch sampler that says what it is told."""

    def __init__(self, batches: list[list[tuple[int, int]]]) -> None:
        self.batches = batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)
