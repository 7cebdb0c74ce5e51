"""Applies a temporal head that was trained on sentences to long recordings: overlapping windows, joined to one clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sla_cli.config.settings import TrainConfig
from sla_cli.model.frame_stream import FrameBuffer
from sla_cli.transcribe.rows import Rows


@dataclass(frozen=True)
class Windows:
    """How a recording is divided for the head.

    Attributes:
        length: frames of a window, a multiple of the head's stride.
        context: frames at each cut end of a window whose output is not used, a multiple of the stride.
    """

    length: int
    context: int

    @classmethod
    def of(cls, train: TrainConfig, stride: int) -> Windows:
        """Windows as long as the longest clip in training, with a quarter of it as context on each side."""
        steps = max(4, -(-train.max_frames // stride))
        return cls(steps * stride, steps // 4 * stride)


class JoinedWindows:
    """Log-probabilities of a recording whose features arrive in parts. A recording that fits in a window is one clip.

    Args:
        head: log-probabilities (steps, columns) of the features (frames, width) of one clip.
        stride: frames per step.
        windows: how to divide it.

    Attributes:
        buffer: the features that are still needed.
    """

    def __init__(self, head: Callable[[Tensor], Tensor], stride: int, windows: Windows) -> None:
        self._head, self._stride, self._windows = head, stride, windows
        self.buffer = FrameBuffer()
        self._next = 0  # where the next window begins
        self._steps = Rows(np.float32)

    def add(self, features: Tensor) -> None:
        """Add the next features, (frames, width); may be empty."""
        self.buffer.add(features)
        length, context = self._windows.length, self._windows.context
        while self.buffer.end > self._next + length:
            stop = self._next + length
            self._take(self._next, stop, (stop - context) // self._stride)
            self.buffer.forget(self._next)  # the last window may begin at any frame of this one
            self._next = stop - 2 * context

    def finish(self) -> NDArray[np.float32]:
        """All log-probabilities, float32 (steps, columns). The last window is as long as the others."""
        end = self.buffer.end
        start = -(-max(0, end - self._windows.length) // self._stride) * self._stride
        self._take(start, end, -(-end // self._stride))
        return self._steps.finish()

    def _take(self, start: int, stop: int, until: int) -> None:
        """The steps that are missing before `until`, from the window of these frames."""
        steps = self._head(self.buffer.rows(start, stop))
        offset = start // self._stride
        self._steps.add(steps[len(self._steps) - offset : until - offset].float())
