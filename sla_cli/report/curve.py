"""How a run learned: curves out of its metrics.tsv."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import FormatError
from sla_cli.formats.table import Row, read_table
from sla_cli.report.axis import Axis, from_zero, logarithmic, whole

WIDE = 8.0  # a loss that falls by more than this factor needs a logarithmic axis to be read


@dataclass(frozen=True)
class Curve:
    """One figure over the epochs."""

    name: str
    unit: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    x: Axis
    y: Axis

    @property
    def points(self) -> list[tuple[float, float]]:
        """(percent from the left, percent from the top) of each epoch."""
        pairs = zip(self.epochs, self.values, strict=True)
        return [(self.x.at(epoch), 100 - self.y.at(value)) for epoch, value in pairs]

    @property
    def best(self) -> int:
        """Index of the first of the lowest values."""
        return min(range(len(self.values)), key=self.values.__getitem__)


def learning_curves(metrics: Path) -> list[Curve]:
    """Dev WER and training loss; none where no epoch has been finished.

    Raises:
        FormatError: the columns epoch, loss and dev_wer are missing, or hold something other than finite numbers.
    """
    rows = list(read_table(metrics, ("epoch", "loss", "dev_wer"), "\t"))
    if not rows:
        return []
    epochs = tuple(int(_number(row, "epoch", metrics)) for row in rows)
    wer, loss = (tuple(_number(row, column, metrics) for row in rows) for column in ("dev_wer", "loss"))
    over = whole(epochs[0], epochs[-1])
    return [
        Curve("Word error rate on dev", "%", epochs, wer, over, from_zero(max(wer))),
        Curve("Training loss", "", epochs, loss, over, _loss_axis(loss)),
    ]


def _loss_axis(values: tuple[float, ...]) -> Axis:
    low, high = min(values), max(values)
    return logarithmic(low, high) if 0 < low < high / WIDE else from_zero(high)


def _number(row: Row, column: str, path: Path) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(
            f"{path}, line {row.line}: {column} is {row[column]!r}, not a number", "It is written by `sla train`."
        )
    return value
