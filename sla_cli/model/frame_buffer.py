"""The frames of a clip that are needed now, of a clip that comes in parts."""

from __future__ import annotations

import torch
from torch import Tensor


class FrameBuffer:
    """Rows by their number in the clip; those before a number are dropped.

    Attributes:
        first, end: numbers of the first row that is held, and after the last.
    """

    def __init__(self) -> None:
        self.first = self.end = 0
        self._rows: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """The next rows of the clip, (frames, ...); there may be none."""
        self._rows = rows if self._rows is None else torch.cat((self._rows, rows))
        self.end += len(rows)

    def rows(self, start: int, stop: int) -> Tensor:
        """The rows `start` to `stop`, end exclusive; at least one call of `add` came before."""
        assert self._rows is not None
        return self._rows[start - self.first : stop - self.first]

    def forget(self, start: int) -> None:
        """Drop the rows before `start`. What stays is copied, since a view would keep all of the memory."""
        if start > self.first:
            self._rows = self.rows(start, self.end).clone()
            self.first = start
