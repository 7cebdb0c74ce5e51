"""Metrics of an unfinished or finished epoch: as text, as a row of metrics.tsv, as TensorBoard scalars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sla_cli.artifact.table import write_tsv
from sla_cli.config.settings import TrainConfig
from sla_cli.core.counted import counted
from sla_cli.core.edit_alignment import Counts
from sla_cli.data.epoch_plan import Step


@dataclass
class UnfinishedEpoch:
    """Running totals of the current epoch. Saved with the state, so a resumed epoch reports all of its steps.

    Attributes:
        number: number of the epoch, from 1.
        steps: finished optimiser steps.
        sums: `loss` and its unweighted parts, summed over clips.
        clips, frames: numbers seen by all processes.
        seconds: duration of training; `waiting` is the part spent on waiting for batches.
        overflows: steps without update, because fp16 gradients were not finite at the loss scale.
    """

    number: int
    steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    clips: int = 0
    frames: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    overflows: int = 0

    def add(self, step: Step, losses: Mapping[str, float]) -> None:
        """Count a step. `losses`: means over its clips."""
        self.steps += 1
        self.clips += step.clips
        self.frames += step.frames
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * step.clips

    @property
    def losses(self) -> dict[str, float]:
        """Means over the clips so far."""
        return {name: value / self.clips for name, value in self.sums.items()}

    @property
    def frames_per_second(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0

    @property
    def waiting_share(self) -> float:
        return self.waiting / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Epoch:
    """One finished epoch.

    Attributes:
        number: from 1.
        lr: learning rate of its last step.
        losses: `loss` and its unweighted parts, means over clips.
        dev: error counts of greedy decoding on dev.
        overflows: steps without update because of fp16 overflow.
        frames_per_second: in training, including data loading, of all processes together.
        waiting: share of the time in which training waited for data, 0 to 1.
        memory: peak in MiB.
        seconds: duration of training, without dev.
    """

    number: int
    lr: float
    losses: dict[str, float]
    dev: Counts
    overflows: int
    frames_per_second: float
    waiting: float
    memory: float
    seconds: float

    @classmethod
    def of(cls, running: UnfinishedEpoch, lr: float, dev: Counts, memory: float) -> Epoch:
        """The finished epoch, after dev is scored."""
        speed, share = running.frames_per_second, running.waiting_share
        return cls(running.number, lr, running.losses, dev, running.overflows, speed, share, memory, running.seconds)

    def __str__(self) -> str:
        dev = self.dev
        overflows = f", {counted(self.overflows, 'step')} skipped because of fp16 overflow" if self.overflows else ""
        return (
            f"epoch {self.number}: loss {self.losses['loss']:.3f}, dev WER {dev.wer:.2f} % "
            f"({dev.substitutions} sub, {dev.deletions} del, {dev.insertions} ins), "
            f"{self.frames_per_second:.0f} frames/s, {100 * self.waiting:.0f} % waiting for data{overflows}"
        )

    def scalars(self) -> dict[str, float]:
        """Name to value; names with the same start share a chart in TensorBoard."""
        return {
            **{f"train/{name}": value for name, value in self.losses.items()},
            "train/lr": self.lr,
            "train/overflows": self.overflows,
            "dev/wer": self.dev.wer,
            "speed/frames_per_second": self.frames_per_second,
            "speed/waiting": self.waiting,
            "speed/memory_mib": self.memory,
        }

    def row(self) -> dict[str, str]:
        """Columns of metrics.tsv; the last four are measured on the machine and differ from run to run."""
        return {
            "epoch": str(self.number),
            "lr": f"{self.lr:g}",
            **{name: f"{value:.6f}" for name, value in self.losses.items()},
            "dev_wer": f"{self.dev.wer:.4f}",
            "dev_sub": str(self.dev.substitutions),
            "dev_del": str(self.dev.deletions),
            "dev_ins": str(self.dev.insertions),
            "overflows": str(self.overflows),
            "frames_per_second": f"{self.frames_per_second:.1f}",
            "waiting": f"{self.waiting:.4f}",
            "memory_mib": f"{self.memory:.0f}",
            "seconds": f"{self.seconds:.1f}",
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Epoch:
        """The epoch from the values of `asdict`."""
        return cls(**{**values, "dev": Counts(**values["dev"])})


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """The first epoch with the lowest dev WER."""
    return min(epochs, key=lambda epoch: (epoch.dev.wer, epoch.number))


def write_metrics(path: Path, epochs: Sequence[Epoch]) -> None:
    """Write metrics.tsv: one row per epoch."""
    rows = [epoch.row() for epoch in epochs]
    write_tsv(path, rows[0], (row.values() for row in rows))


def status_line(
    running: UnfinishedEpoch, epochs: Sequence[Epoch], config: TrainConfig, clips: int, memory: float
) -> str:
    """The text next to the progress bar: losses, best WER, speed, waiting, memory, time left of the run.

    Args:
        epochs: finished epochs.
        clips: number of clips in an epoch.
        memory: MiB.
    """
    total, *parts = running.losses.items()
    losses = f"loss {total[1]:.2f} ({', '.join(f'{name} {value:.2f}' for name, value in parts)})"
    wer = f"best dev WER {best_of(epochs).dev.wer:.1f} %, " if epochs else ""
    clips_left = clips * (config.epochs - running.number + 1) - running.clips
    left = timedelta(seconds=round(clips_left * running.seconds / running.clips))
    return (
        f"{losses}, {wer}{running.frames_per_second:.0f} frames/s, {100 * running.waiting_share:.0f} % waiting, "
        f"{memory / 1024:.1f} GiB, {left} of training left"
    )
