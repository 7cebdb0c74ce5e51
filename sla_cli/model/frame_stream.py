"""Passes a clip whose frames arrive in parts through blocks that use neighbouring frames.

Each block waits for the frames that its next chunk needs, and keeps those that it needs again: memory does not grow
with the clip, and every frame is computed once, except for the few within reach of a chunk. The windows are those of
`AdaptedBlock._part`, so the result is that of the whole clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sla_cli.model.clip_borders import FramePositions

UNKNOWN = 1 << 62  # number of frames of a clip that has not ended yet


@dataclass(frozen=True)
class Window:
    """Frames that are computed together.

    Attributes:
        frames: (frames, tokens, width), a chunk with its neighbours within reach.
        positions: their positions in the clip.
        wanted: the chunk within them.
    """

    frames: Tensor
    positions: FramePositions
    wanted: slice


class FrameStream:
    """The frames of a clip that one block holds.

    Args:
        chunk: frames that are computed at once, without their neighbours.
        reach: frames to either side that an output depends on.

    Attributes:
        buffer: the frames that are needed; add the next frames to it, (frames, tokens, width).
        ended: set it when all frames are added, or will be next: the last chunks then do not wait for neighbours.
    """

    def __init__(self, chunk: int, reach: int) -> None:
        self.chunk, self.reach, self.ended = chunk, reach, False
        self.buffer = FrameBuffer()
        self._done = 0  # number of the next frame to be computed

    def ready(self) -> Iterator[Window]:
        """The chunks whose neighbours are all available."""
        there = self.buffer.end
        while self._done < there and (self.ended or self._done + self.chunk + self.reach <= there):
            start, stop = self._done, min(self._done + self.chunk, there)
            first, last = max(0, start - self.reach), min(there, stop + self.reach)
            frames = self.buffer.rows(first, last)
            index = torch.arange(first, last, device=frames.device)
            positions = FramePositions(
                index, torch.full_like(index, there if self.ended else UNKNOWN), ((0, len(frames)),)
            )
            yield Window(frames, positions, slice(start - first, stop - first))
            self._done = stop
        self.buffer.forget(max(0, self._done - self.reach))


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
