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
from sla_cli.model.frame_buffer import FrameBuffer

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
        held: what is needed of the clip; add the next frames to it, (frames, tokens, width).
        ended: set it once all frames are there or about to be added: the last chunks need not wait for neighbours.
    """

    def __init__(self, chunk: int, reach: int) -> None:
        self.chunk, self.reach, self.ended = chunk, reach, False
        self.held = FrameBuffer()
        self._done = 0  # number of the next frame to be computed

    def ready(self) -> Iterator[Window]:
        """The chunks whose neighbours are all there."""
        there = self.held.end
        while self._done < there and (self.ended or self._done + self.chunk + self.reach <= there):
            start, stop = self._done, min(self._done + self.chunk, there)
            first, last = max(0, start - self.reach), min(there, stop + self.reach)
            frames = self.held.rows(first, last)
            index = torch.arange(first, last, device=frames.device)
            layout = Layout(index, torch.full_like(index, there if self.ended else UNKNOWN), ((0, len(frames)),))
            yield Window(frames, layout, slice(start - first, stop - first))
            self._done = stop
        self.held.forget(max(0, self._done - self.reach))
