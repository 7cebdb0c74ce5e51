"""Holds the frames that are needed now, of a clip that arrives in parts."""

from __future__ import annotations

import torch
from torch import Tensor


class FrameBuffer:
    """Rows by their number in the clip; those before a number are dropped.

    Attributes:
        first, end: number of the first row that is held, and the number after the last.
    """

    def __init__(self) -> None:
        self.first = self.end = 0
        self._rows: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """The next rows of the clip, (frames, ...); there may be none."""
        self._rows = rows if self._rows is None else torch.cat((self._rows, rows))
        self.end += len(rows)

    def rows(self, start: int, stop: int) -> Tensor:
        """The rows `start` to `stop`, end exclusive; needs at least one earlier call of `add`."""
        assert self._rows is not None
        return self._rows[start - self.first : stop - self.first]

    def forget(self, start: int) -> None:
        """Drop the rows before `start`. The others are copied, since a view would keep all of the memory."""
        if start > self.first:
            self._rows = self.rows(start, self.end).clone()
            self.first = start
