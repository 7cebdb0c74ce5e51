"""The text beside the progress bar of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sla_cli.config import TrainConfig
from sla_cli.data.sampling import Step
from sla_cli.train.metrics import Epoch, UnfinishedEpoch, best_of


class StatusLine:
    """Loss and its parts, best WER, speed, waiting, memory, time left of the run."""

    def __init__(self, config: TrainConfig, epochs: Sequence[Epoch], plan: Sequence[Step]) -> None:
        self.config, self.epochs = config, epochs
        self.clips = sum(step.clips for step in plan)

    def text(self, epoch: UnfinishedEpoch, memory: float) -> str:
        """memory: MiB."""
        total, *parts = epoch.losses.items()
        losses = f"loss {total[1]:.2f} ({', '.join(f'{name} {value:.2f}' for name, value in parts)})"
        wer = f"best dev WER {best_of(self.epochs).dev.wer:.1f} %, " if self.epochs else ""
        return (
            f"{losses}, {wer}{epoch.frames_per_second:.0f} frames/s, {100 * epoch.waiting_share:.0f} % waiting, "
            f"{memory / 1024:.1f} GiB, {self._left(epoch)} of training left"
        )

    def _left(self, epoch: UnfinishedEpoch) -> timedelta:
        clips = self.clips * (self.config.epochs - epoch.number + 1) - epoch.clips
        return timedelta(seconds=round(clips * epoch.seconds / epoch.clips))
