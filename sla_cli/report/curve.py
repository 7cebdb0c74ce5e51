"""How runs learned: curves out of their metrics.tsv."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import FormatError
from sla_cli.formats.table import Row, read_table
from sla_cli.report.axis import Axis, from_zero, logarithmic, whole

WIDE = 8.0  # a loss that falls by more than this factor needs a logarithmic axis to be read
FIGURES = {"dev_wer": ("Word error rate on dev", "%"), "loss": ("Training loss", "")}


@dataclass(frozen=True)
class Line:
    """One run's figure over its epochs."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def best(self) -> int:
        """Index of the first of the lowest values."""
        return min(range(len(self.values)), key=self.values.__getitem__)


@dataclass(frozen=True)
class Chart:
    """One figure of all runs on common axes."""

    name: str
    unit: str
    lines: tuple[Line, ...]
    x: Axis
    y: Axis

    def points(self, line: Line) -> list[tuple[float, float]]:
        """(percent from the left, percent from the top) of each epoch."""
        pairs = zip(line.epochs, line.values, strict=True)
        return [(self.x.at(epoch), 100 - self.y.at(value)) for epoch, value in pairs]


def learning_curves(runs: Mapping[str, Path]) -> list[Chart]:
    """Dev WER and training loss of runs, by name, from their metrics.tsv; none where no epoch has been finished.

    Raises:
        FormatError: the columns epoch, loss and dev_wer are missing, or hold something other than finite numbers.
    """
    tables = {name: list(read_table(path, ("epoch", *FIGURES), "\t")) for name, path in runs.items()}
    tables = {name: rows for name, rows in tables.items() if rows}
    return [_chart(column, tables, runs) for column in FIGURES] if tables else []


def _chart(column: str, tables: Mapping[str, Sequence[Row]], runs: Mapping[str, Path]) -> Chart:
    lines = tuple(
        Line(
            name,
            tuple(int(_number(row, "epoch", runs[name])) for row in rows),
            tuple(_number(row, column, runs[name]) for row in rows),
        )
        for name, rows in tables.items()
    )
    epochs = [epoch for line in lines for epoch in line.epochs]
    values = [value for line in lines for value in line.values]
    low, high = min(values), max(values)
    y = logarithmic(low, high) if column == "loss" and 0 < low < high / WIDE else from_zero(high)
    return Chart(*FIGURES[column], lines, whole(min(epochs), max(epochs)), y)


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
