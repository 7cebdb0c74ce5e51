"""A store's clips as training loads them, for the tests of data."""

from __future__ import annotations

from collections.abc import Iterable

from synthetic import GLOSSES, tiny

from sla_cli.config.settings import TrainConfig
from sla_cli.data.batching import Batch
from sla_cli.data.dataset import ClipDataset
from sla_cli.data.loading import training_batches
from sla_cli.store.store import Store

CONFIG = tiny(train__batch=4, train__flip=0.5).train


def clips(store: Store, config: TrainConfig = CONFIG, split: str = "train") -> ClipDataset:
    return ClipDataset(store[split], GLOSSES, 4, config)


def epoch_of(data: ClipDataset, epoch: int, done: int = 0) -> Iterable[Batch]:
    return training_batches(data, epoch, data.plan(epoch)[done:], pin=False)


def contents(batches: Iterable[Batch]) -> list[tuple[object, ...]]:
    return [
        (batch.ids, batch.lengths.tolist(), batch.transforms, batch.targets.tolist(), int(batch.frames.sum()))
        for batch in batches
    ]
