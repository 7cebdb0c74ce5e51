"""Axes with round numbers: positions are in percent of the axis, so a page can have any width."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from matplotlib.ticker import MaxNLocator

FEW, MANY = 6, 8  # number of marks on a linear axis; on a logarithmic one, above which only powers of ten are marked


class Tick(NamedTuple):
    """A mark: its position, in percent of the axis, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, after `scale` has been applied to both; `values` are marked."""

    low: float
    high: float
    values: tuple[float, ...]
    scale: Callable[[float], float] = float

    def at(self, value: float) -> float:
        """Position in percent of the axis; the middle if it has no length."""
        low, high = self.scale(self.low), self.scale(self.high)
        return 100 * (self.scale(value) - low) / (high - low) if high > low else 50.0

    @property
    def ticks(self) -> list[Tick]:
        return [Tick(self.at(value), f"{value:g}") for value in self.values if self.low <= value <= self.high]


def whole_numbers(low: int, high: int) -> Axis:
    """Axis from one whole number to another, marked at whole numbers."""
    return Axis(low, high, tuple(dict.fromkeys(_round_numbers(low, high, integer=True))))


def exact(low: float, high: float) -> Axis:
    """Axis from exactly `low` to `high`."""
    return Axis(low, high, _round_numbers(low, high))


def from_zero(high: float) -> Axis:
    """Axis from 0 to a round number that is not below `high`."""
    values = _round_numbers(0.0, high)
    return Axis(0.0, values[-1], values)


def around(low: float, high: float) -> Axis:
    """Axis between round numbers that enclose both."""
    values = _round_numbers(low, high)
    return Axis(values[0], values[-1], values)


def logarithmic(low: float, high: float) -> Axis:
    """Both positive, each moved outwards to 1, 2 or 5 times a power of ten."""
    exponents = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    values = [*(digit * 10.0**exponent for exponent in exponents for digit in (1, 2, 5)), 10.0 ** (exponents[-1] + 1)]
    first = max(value for value in values if value <= low)
    last = min(value for value in values if value >= high)
    inside = sum(first <= value <= last for value in values)
    return Axis(first, last, tuple(values if inside <= MANY else values[::3]), math.log10)


def _round_numbers(low: float, high: float, integer: bool = False) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten that enclose both."""
    if low == high:  # the locator would give the smallest range that there is
        low, high = max(0.0, low - 1), high + 1
    return tuple(map(float, MaxNLocator(FEW, steps=[1, 2, 5, 10], integer=integer).tick_values(low, high)))
