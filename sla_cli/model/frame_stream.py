"""Passes a clip whose frames arrive in parts through blocks that use neighbouring frames.

Each block waits for the frames that its next chunk needs, and keeps those that it needs again: memory does not grow
with the clip, and every frame is computed once, except for the few within reach of a chunk. The windows are those of
`AdaptedBlock._part`, so the result is that of the whole clip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Rows = TypeVar("Rows", bound=Any)  # an array of NumPy, or a tensor of PyTorch
UNKNOWN = 1 << 62  # number of frames of a clip that has not ended yet


@dataclass(frozen=True)
class Window(Generic[Rows]):
    """Frames that are computed together.

    Attributes:
        frames: (frames, ...), a chunk with its neighbours within reach.
        first: number of the first of them in the clip.
        length: frames of the clip, or UNKNOWN.
        wanted: the chunk within them.
    """

    frames: Rows
    first: int
    length: int
    wanted: slice


class FrameStream(Generic[Rows]):
    """The frames of a clip that are held for a function of frames and their neighbours.

    Args:
        chunk: frames that are computed at once, without their neighbours.
        reach: frames to either side that an output depends on.
        join: concatenates rows.

    Attributes:
        buffer: the frames that are needed; add the next frames to it, (frames, ...).
        ended: set it when all frames are added, or will be next: the last chunks then do not wait for neighbours.
    """

    def __init__(self, chunk: int, reach: int, join: Callable[[Sequence[Rows]], Rows]) -> None:
        self.chunk, self.reach, self.ended = chunk, reach, False
        self.buffer = FrameBuffer(join)
        self._done = 0  # number of the next frame to be computed

    def ready(self) -> Iterator[Window[Rows]]:
        """The chunks whose neighbours are all available."""
        there = self.buffer.end
        while self._done < there and (self.ended or self._done + self.chunk + self.reach <= there):
            start, stop = self._done, min(self._done + self.chunk, there)
            first, last = max(0, start - self.reach), min(there, stop + self.reach)
            frames = self.buffer.rows(first, last)
            yield Window(frames, first, there if self.ended else UNKNOWN, slice(start - first, stop - first))
            self._done = stop
        self.buffer.forget(max(0, self._done - self.reach))


class FrameBuffer(Generic[Rows]):
    """Rows by their number in the clip; those before a number are dropped.

    Args:
        join: concatenates rows into new memory.

    Attributes:
        first, end: number of the first row that is held, and the number after the last.
    """

    def __init__(self, join: Callable[[Sequence[Rows]], Rows]) -> None:
        self.first = self.end = 0
        self._join = join
        self._rows: Rows | None = None

    def add(self, rows: Rows) -> None:
        """The next rows of the clip, (frames, ...); there may be none."""
        self._rows = rows if self._rows is None else self._join((self._rows, rows))
        self.end += len(rows)

    def rows(self, start: int, stop: int) -> Rows:
        """The rows `start` to `stop`, end exclusive; needs at least one earlier call of `add`."""
        assert self._rows is not None
        return self._rows[start - self.first : stop - self.first]

    def forget(self, start: int) -> None:
        """Drop the rows before `start`. The others are copied, since a view would keep all of the memory."""
        if start > self.first:
            self._rows = self._join((self.rows(start, self.end),))
            self.first = start
