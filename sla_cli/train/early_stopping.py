"""When training ends."""

from __future__ import annotations

from collections.abc import Sequence

from sla_cli.config import TrainConfig
from sla_cli.train.metrics import Epoch, best_of


def should_stop(epochs: Sequence[Epoch], config: TrainConfig) -> bool:
    """Whether all epochs are done, or the last `patience` epochs did not improve dev WER."""
    if len(epochs) >= config.epochs:
        return True
    return bool(config.patience and epochs) and len(epochs) - best_of(epochs).number >= config.patience
