"""Applies a temporal head that was trained on sentences to long recordings: overlapping windows, joined to one clip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.windows import Windows
from sla_cli.model.frame_stream import FrameBuffer
from sla_cli.transcribe.rows import Rows

Floats = NDArray[np.float32]


class JoinedWindows:
    """Log-probabilities of a recording whose features arrive in parts. A recording that fits in a window is one clip.

    Args:
        head: log-probabilities (steps, columns) of the features (frames, width) of one clip, both float32.
        stride: frames per step.
        windows: how to divide it.

    Attributes:
        buffer: the features that are still needed.
    """

    def __init__(self, head: Callable[[Floats], Floats], stride: int, windows: Windows) -> None:
        self._head, self._stride, self._windows = head, stride, windows
        self.buffer: FrameBuffer[Floats] = FrameBuffer(np.concatenate)
        self._next = 0  # where the next window begins
        self._steps = Rows(np.float32)

    def add(self, features: Floats) -> None:
        """Add the next features, (frames, width); may be empty."""
        self.buffer.add(features)
        length, context = self._windows.length, self._windows.context
        while self.buffer.end > self._next + length:
            stop = self._next + length
            self._take(self._next, stop, (stop - context) // self._stride)
            self.buffer.forget(self._next)  # the last window may begin at any frame of this one
            self._next = stop - 2 * context

    def finish(self) -> Floats:
        """All log-probabilities, float32 (steps, columns). The last window is as long as the others."""
        end = self.buffer.end
        self._take(self._windows.start(end, self._stride), end, -(-end // self._stride))
        return self._steps.finish()

    def _take(self, start: int, stop: int, until: int) -> None:
        """The steps that are missing before `until`, from the window of these frames."""
        steps = self._head(self.buffer.rows(start, stop))
        offset = start // self._stride
        self._steps.add(steps[len(self._steps) - offset : until - offset])
