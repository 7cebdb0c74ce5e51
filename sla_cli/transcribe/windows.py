"""Long recordings through a temporal head that learnt on sentences: windows that overlap, joined to one clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sla_cli.config import TrainConfig
from sla_cli.model.frame_buffer import FrameBuffer


@dataclass(frozen=True)
class Windows:
    """How a recording is cut for the head.

    Attributes:
        length: frames of a window, a multiple of the head's stride.
        context: frames at each cut end of a window that are seen and not used, a multiple of the stride.
    """

    length: int
    context: int

    @classmethod
    def of(cls, train: TrainConfig, stride: int) -> Windows:
        """As long as the longest clip that training showed, a quarter of it context to each side."""
        steps = max(4, -(-train.max_frames // stride))
        return cls(steps * stride, steps // 4 * stride)


class JoinedWindows:
    """Log-probabilities of a recording whose features come in parts. A recording no longer than a window is one clip.

    Args:
        head: log-probabilities (steps, columns) of the features (frames, width) of one clip.
        stride: frames per step.
        windows: how to cut.

    Attributes:
        held: the features that are needed still.
    """

    def __init__(self, head: Callable[[Tensor], Tensor], stride: int, windows: Windows) -> None:
        self._head, self._stride, self._windows = head, stride, windows
        self.held = FrameBuffer()
        self._next = 0  # where the next window begins
        self._parts: list[Tensor] = []
        self._joined = 0  # steps in `_parts`

    def add(self, features: Tensor) -> None:
        """The next features, (frames, width); there may be none."""
        self.held.add(features)
        length, context = self._windows.length, self._windows.context
        while self.held.end > self._next + length:
            stop = self._next + length
            self._take(self._next, stop, (stop - context) // self._stride)
            self.held.forget(self._next)  # the last window may begin anywhere in this one
            self._next = stop - 2 * context

    def finish(self) -> Tensor:
        """All log-probabilities, float32 (steps, columns) on the CPU. The last window is as long as the others."""
        end = self.held.end
        start = -(-max(0, end - self._windows.length) // self._stride) * self._stride
        self._take(start, end, -(-end // self._stride))
        return torch.cat(self._parts)

    def _take(self, start: int, stop: int, until: int) -> None:
        """The steps that are missing before `until`, from the window of these frames."""
        steps = self._head(self.held.rows(start, stop))
        offset = start // self._stride
        self._parts.append(steps[self._joined - offset : until - offset].float().cpu())
        self._joined = until
