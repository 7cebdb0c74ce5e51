"""Learning curves of runs, from their metrics.tsv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sla_cli.pages.axis import Axis, from_zero, logarithmic, whole_numbers
from sla_cli.work.run import Run

WIDE = 8.0  # a loss that decreases by more than this factor gets a logarithmic axis
FIGURES = {"dev_wer": ("Word error rate on dev", "%"), "loss": ("Training loss", "")}


@dataclass(frozen=True)
class Line:
    """A metric of one run over its epochs."""

    name: str
    epochs: tuple[int, ...]
    values: tuple[float, ...]

    @cached_property
    def best(self) -> int:
        """Index of the first of the lowest values."""
        return min(range(len(self.values)), key=self.values.__getitem__)


@dataclass(frozen=True)
class Chart:
    """One metric of all runs on common axes."""

    name: str
    unit: str
    lines: tuple[Line, ...]
    x: Axis
    y: Axis

    @property
    def drawn(self) -> list[list[tuple[float, float]]]:
        """The points of each line."""
        return [self.points(line) for line in self.lines]

    def points(self, line: Line) -> list[tuple[float, float]]:
        """(percent from the left, percent from the top) of each epoch."""
        pairs = zip(line.epochs, line.values, strict=True)
        return [(self.x.at(epoch), 100 - self.y.at(value)) for epoch, value in pairs]


def learning_curves(runs: Mapping[str, Run]) -> list[Chart]:
    """Dev WER and training loss of runs, by name; empty without a finished epoch. Raises as `Run.read_metrics` does."""
    found = {name: epochs for name, run in runs.items() if (epochs := run.read_metrics())}
    return [_chart(column, found) for column in FIGURES] if found else []


def _chart(column: str, runs: Mapping[str, Sequence[Mapping[str, float]]]) -> Chart:
    lines = tuple(
        Line(name, tuple(int(one["epoch"]) for one in epochs), tuple(one[column] for one in epochs))
        for name, epochs in runs.items()
    )
    epochs = [epoch for line in lines for epoch in line.epochs]
    values = [value for line in lines for value in line.values]
    low, high = min(values), max(values)
    y = logarithmic(low, high) if column == "loss" and 0 < low < high / WIDE else from_zero(high)
    return Chart(*FIGURES[column], lines, whole_numbers(min(epochs), max(epochs)), y)
