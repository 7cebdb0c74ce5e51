"""Where clips begin and end in a batch of concatenated frames."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass  # not frozen: PyTorch 2.6 compiles in all values of a frozen one, and spans differ between batches
class FramePositions:
    """Where the frames of concatenated clips, or of a window of them, are in their clips.

    Attributes:
        index, length: int64 (frames,) on the device: number of each frame in its clip, and frames of that clip.
        spans: (first frame, frame after the last) of each clip, counted within the window.
    """

    index: Tensor
    length: Tensor
    spans: tuple[tuple[int, int], ...]

    def window(self, start: int, stop: int) -> FramePositions:
        """Only frames `start` to `stop`. Frames outside count as zero, so results near the cut are wrong."""
        inside = ((max(a, start) - start, min(b, stop) - start) for a, b in self.spans)
        return FramePositions(
            self.index[start:stop], self.length[start:stop], tuple((a, b) for a, b in inside if a < b)
        )


class ClipBorders:
    """The positions of the frames of the current batch.

    All temporal modules of a model share one instance. The backbone sets it before each forward pass, because
    timm's blocks pass on only tokens.
    """

    def __init__(self) -> None:
        self.positions = FramePositions(torch.empty(0, dtype=torch.long), torch.empty(0, dtype=torch.long), ())

    def set(self, lengths: Tensor, device: torch.device) -> None:
        """Set the positions; `lengths` is int64 (clips,), frames of each clip."""
        lengths = lengths.to("cpu", torch.long)
        stops = lengths.cumsum(0)
        index = torch.arange(int(lengths.sum())) - (stops - lengths).repeat_interleave(lengths)
        spans = tuple(zip((stops - lengths).tolist(), stops.tolist(), strict=True))
        length = lengths.repeat_interleave(lengths).to(device, non_blocking=True)
        self.positions = FramePositions(index.to(device, non_blocking=True), length, spans)

    @contextmanager
    def using(self, positions: FramePositions) -> Iterator[None]:
        """Use another positions within the block."""
        before, self.positions = self.positions, positions
        try:
            yield
        finally:
            self.positions = before

    def shift(self, x: Tensor, offset: int) -> Tensor:
        """For each frame the value `offset` frames later in its clip; zeros beyond the ends of the clip.

        Args:
            x: (frames, ...), clips concatenated.
        """
        if offset == 0:
            return x
        gap = x.new_zeros(abs(offset), *x.shape[1:])
        moved = torch.cat((x, gap))[offset:] if offset > 0 else torch.cat((gap, x))[: x.shape[0]]
        source = self.positions.index + offset
        inside = (source >= 0) & (source < self.positions.length)
        return moved.masked_fill(~inside.view(-1, *[1] * (x.dim() - 1)), 0)  # not a product: 0 * inf would be NaN
