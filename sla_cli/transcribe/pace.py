"""Frames that come at any times become frames at the rate that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from sla_cli.video.timing import SLACK

T = TypeVar("T")


class Pace(Generic[T]):
    """Of frames with times, the one nearest in time for each frame of another rate.

    Args:
        fps: frames per second of the result.

    Attributes:
        begin: time of the first frame, in seconds; known with it.
    """

    def __init__(self, fps: float) -> None:
        self.begin = 0.0
        self._fps, self._number = fps, 0
        self._held: tuple[float, T] | None = None
        self._step = 0.0

    def add(self, time: float, frame: T) -> Iterator[T]:
        """The frames of the result that are known now that this one has come."""
        if self._held is None:
            self.begin = time
        else:
            self._step = time - self._held[0]
            yield from self._until(self._held[0] + self._step / 2, self._held[1])
        self._held = time, frame

    def end(self) -> Iterator[T]:
        """The rest: the last frame lasts as long as the one before it, a single one is used once, as of a file."""
        if self._held is not None:
            yield from self._until(self._held[0] + (self._step or 1 / self._fps) - SLACK, self._held[1])

    def _until(self, time: float, frame: T) -> Iterator[T]:
        while self.begin + self._number / self._fps <= time:
            self._number += 1
            yield frame
