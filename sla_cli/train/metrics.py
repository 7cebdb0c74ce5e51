"""What is known after each epoch, as a row of metrics.tsv and as TensorBoard scalars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sla_cli.core.align import Counts
from sla_cli.formats.atomic import atomic_write


@dataclass(frozen=True)
class Epoch:
    """One finished epoch.

    Attributes:
        number: from 1.
        losses: `loss` and its unweighted parts, means over clips.
        dev: error counts of greedy decoding on dev.
        frames_per_second: while training, data loading included.
        seconds: of training, without dev.
    """

    number: int
    lr: float
    losses: dict[str, float]
    dev: Counts
    frames_per_second: float
    seconds: float

    def __str__(self) -> str:
        dev = self.dev
        return (
            f"epoch {self.number}: loss {self.losses['loss']:.3f}, dev WER {dev.wer:.2f} % "
            f"({dev.substitutions} sub, {dev.deletions} del, {dev.insertions} ins), "
            f"{self.frames_per_second:.0f} frames/s"
        )

    def scalars(self) -> dict[str, float]:
        """Name to value; names with the same start share a chart in TensorBoard."""
        return {
            **{f"train/{name}": value for name, value in self.losses.items()},
            "train/lr": self.lr,
            "dev/wer": self.dev.wer,
            "speed/frames_per_second": self.frames_per_second,
        }

    def row(self) -> dict[str, str]:
        """Columns of metrics.tsv; the last two are times and differ from run to run."""
        return {
            "epoch": str(self.number),
            "lr": f"{self.lr:g}",
            **{name: f"{value:.6f}" for name, value in self.losses.items()},
            "dev_wer": f"{self.dev.wer:.4f}",
            "dev_sub": str(self.dev.substitutions),
            "dev_del": str(self.dev.deletions),
            "dev_ins": str(self.dev.insertions),
            "frames_per_second": f"{self.frames_per_second:.1f}",
            "seconds": f"{self.seconds:.1f}",
        }

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Epoch:
        return cls(**{**values, "dev": Counts(**values["dev"])})


def write_metrics(path: Path, epochs: Sequence[Epoch]) -> None:
    """metrics.tsv, whole: a row an epoch."""
    rows = [epoch.row() for epoch in epochs]
    lines = ["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]
    with atomic_write(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
