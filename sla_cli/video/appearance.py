"""How a clip looks, in a few numbers that people understand, to say in what a recording differs from others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

CELLS = 16  # a picture is reduced to so many cells on each side
FINE = 64  # pixels on a side from which cells are averaged: enough for means, and cheap
EVERY = 32  # frames of which the first two are measured: all would cost a small model a tenth of its time


class Appearance(NamedTuple):
    """All in percent. The names, with spaces, are what people read.

    Attributes:
        brightness: mean of the pixels, white is 100.
        contrast: standard deviation of the cells' brightness.
        colour: mean difference of a cell's strongest and weakest colour.
        movement: mean change of a cell's brightness from one frame to the next.
        height_of_what_moves, width_of_what_moves: of the picture's height and width; so large an area of even movement
            would have the same standard deviation.
    """

    brightness: float
    contrast: float
    colour: float
    movement: float
    height_of_what_moves: float
    width_of_what_moves: float


class AppearanceMeter:
    """Measures a clip whose frames arrive one by one; its memory does not grow."""

    def __init__(self) -> None:
        self._frames = self._measured = 0
        self._totals = np.zeros(3)  # brightness, contrast, colour
        self._changes = np.zeros((CELLS, CELLS))
        self._before = np.zeros((CELLS, CELLS), np.float32)

    def watch(self, frames: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
        """The same frames, RGB uint8 (side, side, 3) each, measured as they pass."""
        for frame in frames:
            self.add(frame)
            yield frame

    def add(self, frame: NDArray[np.uint8]) -> None:
        """The next frame, RGB uint8 (side, side, 3)."""
        place = self._frames % EVERY
        self._frames += 1
        if place > 1:
            return
        step = max(1, len(frame) // FINE)
        cells = cv2.resize(frame[::step, ::step].copy(), (CELLS, CELLS), interpolation=cv2.INTER_AREA)
        grey = cells.mean(2, dtype=np.float32)
        self._totals += grey.mean(), grey.std(), np.ptp(cells, axis=2).mean()
        self._measured += 1
        if place:
            self._changes += np.abs(grey - self._before)
        self._before = grey

    @property
    def appearance(self) -> Appearance:
        """Of the frames so far, at least one."""
        means = self._totals / self._measured
        movement = self._changes.mean() / max(1, self._measured // 2)
        sizes = (_extent(self._changes.sum(axis)) for axis in (1, 0))
        return Appearance(*(100 * float(value) for value in (*means / 255, movement / 255, *sizes)))


def appearance_of(frames: NDArray[np.uint8]) -> Appearance:
    """Of a clip in memory, RGB uint8 (frames, side, side, 3), at least one frame."""
    meter = AppearanceMeter()
    for frame in frames:
        meter.add(frame)
    return meter.appearance


def _extent(weights: NDArray[np.float64]) -> float:
    """The share of all cells that a uniform distribution with the standard deviation of this one covers."""
    total = weights.sum()
    if not total:
        return 0.0
    places = np.arange(CELLS)
    variance = (weights * (places - (weights * places).sum() / total) ** 2).sum() / total
    return min(1.0, float(np.sqrt(12 * variance + 1)) / CELLS)  # of n cells of equal weight it is (n² - 1) / 12
