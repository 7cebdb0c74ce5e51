"""A clip whose frames come in parts, through blocks that look at neighbouring frames.

Each block waits for the frames that its next chunk needs, and keeps those that it needs again: memory does not grow
with the clip, and every frame is computed once, but for the few within reach of a chunk. The windows are those of
`AdaptedBlock._part`, so that the result is that of the whole clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from sla_cli.model.clip_borders import Layout

UNKNOWN = 1 << 62  # frames of a clip that has not ended yet


@dataclass(frozen=True)
class Window:
    """Frames that are computed together.

    Attributes:
        frames: (frames, tokens, width), a chunk with its neighbours within reach.
        layout: where they lie in the clip.
        wanted: the chunk among them.
    """

    frames: Tensor
    layout: Layout
    wanted: slice


class FrameStream:
    """What one block holds of a clip.

    Args:
        chunk: frames that are computed at once, without their neighbours.
        reach: frames to either side that an output depends on.

    Attributes:
        ended: set it once all frames are there or about to be added: the last chunks need not wait for neighbours.
    """

    def __init__(self, chunk: int, reach: int) -> None:
        self.chunk, self.reach, self.ended = chunk, reach, False
        self._held: Tensor | None = None
        self._first = self._done = 0  # number of the first frame that is held, and of the next to be computed

    @property
    def held(self) -> int:
        """How many frames are held."""
        return 0 if self._held is None else len(self._held)

    def add(self, x: Tensor) -> None:
        """The next frames of the clip, (frames, tokens, width); there may be none."""
        self._held = x if self._held is None else torch.cat((self._held, x))

    def ready(self) -> Iterator[Window]:
        """The chunks whose neighbours are all there."""
        assert self._held is not None
        there = self._first + self.held
        while self._done < there and (self.ended or self._done + self.chunk + self.reach <= there):
            start, stop = self._done, min(self._done + self.chunk, there)
            first, last = max(0, start - self.reach), min(there, stop + self.reach)
            yield Window(
                self._held[first - self._first : last - self._first],
                self._layout(first, last, there if self.ended else UNKNOWN),
                slice(start - first, stop - first),
            )
            self._done = stop
        self._forget(max(0, self._done - self.reach))

    def _layout(self, first: int, last: int, length: int) -> Layout:
        assert self._held is not None
        index = torch.arange(first, last, device=self._held.device)
        return Layout(index, torch.full_like(index, length), ((0, last - first),))

    def _forget(self, first: int) -> None:
        """A copy, since a view would keep all of the memory."""
        assert self._held is not None
        if first > self._first:
            self._held = self._held[first - self._first :].clone()
            self._first = first
