"""Where clips begin and end in a batch of concatenated frames, and what looks along time without crossing a border."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Row:
    """Frames of clips one after the other, or a window of them.

    Attributes:
        index, length: int64 (frames,) on the device: number of each frame in its clip, and frames of that clip.
        spans: (first frame, frame after the last) of each clip, counted within the window.
    """

    index: Tensor
    length: Tensor
    spans: tuple[tuple[int, int], ...]

    def window(self, start: int, stop: int) -> Row:
        """Frames `start` to `stop` only. What lies outside reads as zero, so that frames near the cut are wrong."""
        inside = ((max(a, start) - start, min(b, stop) - start) for a, b in self.spans)
        return Row(self.index[start:stop], self.length[start:stop], tuple((a, b) for a, b in inside if a < b))


class ClipBorders:
    """The clips in the batch at hand.

    One instance is shared by all temporal modules of a model; the backbone sets it before each forward pass, since
    timm's blocks pass nothing but tokens along.
    """

    def __init__(self) -> None:
        self.row = Row(torch.empty(0, dtype=torch.long), torch.empty(0, dtype=torch.long), ())

    def set(self, lengths: Tensor, device: torch.device) -> None:
        """lengths: int64 (clips,), frames of each clip."""
        lengths = lengths.to("cpu", torch.long)
        stops = lengths.cumsum(0)
        index = torch.arange(int(lengths.sum())) - (stops - lengths).repeat_interleave(lengths)
        spans = tuple(zip((stops - lengths).tolist(), stops.tolist(), strict=True))
        self.row = Row(index.to(device), lengths.repeat_interleave(lengths).to(device), spans)

    @contextmanager
    def holding(self, row: Row) -> Iterator[None]:
        """Look at another row for a while."""
        before, self.row = self.row, row
        try:
            yield
        finally:
            self.row = before

    def shift(self, x: Tensor, offset: int) -> Tensor:
        """Each frame's value from `offset` frames later in its clip, zeros beyond the clip's ends.

        Args:
            x: (frames, ...), the clips one after the other.
        """
        if offset == 0:
            return x
        if abs(offset) >= len(x):
            return torch.zeros_like(x)
        gap = x.new_zeros(abs(offset), *x.shape[1:])
        moved = torch.cat((x[offset:], gap)) if offset > 0 else torch.cat((gap, x[:offset]))
        source = self.row.index + offset
        inside = (source >= 0) & (source < self.row.length)
        return moved.masked_fill(~inside.view(-1, *[1] * (x.dim() - 1)), 0)  # not a product: 0 * inf would leak


def temporal_shift(x: Tensor, borders: ClipBorders, share: float) -> Tensor:
    """Temporal shift module (Lin et al., 2019): a share of channels from the frame before, as many from the next.

    Args:
        x: (frames, tokens, channels).
        share: part of the channels shifted in each direction, 0 to 0.5.
    """
    size = int(x.shape[-1] * share)
    if size == 0:
        return x
    before = borders.shift(x[..., :size], -1)
    after = borders.shift(x[..., size : 2 * size], 1)
    return torch.cat((before, after, x[..., 2 * size :]), dim=-1)


def track_conv(x: Tensor, taps: Tensor, bias: Tensor, borders: ClipBorders, prefix: int) -> Tensor:
    """Depthwise convolution along frames of each token's track, zero beyond each clip's ends.

    Args:
        x: (frames, tokens, channels).
        taps: (channels, kernel), kernel odd.
        bias: (channels,).
        prefix: so many tokens in front (class, registers) are not convolved; they come out as zero.
    """
    taps, bias = taps.to(x.dtype), bias.to(x.dtype)
    if not torch.compiler.is_compiling():
        return _TrackConv.apply(x, taps, bias, borders.row.spans, prefix)
    # A compiler fuses these and may not see the lengths of clips, which would make it compile again for each batch.
    half = taps.shape[1] // 2
    out = bias + sum(borders.shift(x, tap - half) * taps[:, tap] for tap in range(taps.shape[1]))
    first = torch.arange(x.shape[1], device=x.device) < prefix
    return out.masked_fill(first[:, None], 0)


class _TrackConv(torch.autograd.Function):
    """One pass over memory a tap and direction; keeps nothing but its input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, taps: Tensor, bias: Tensor, spans: tuple[tuple[int, int], ...], prefix: int
    ) -> Tensor:
        ctx.save_for_backward(x, taps)
        ctx.spans, ctx.prefix = spans, prefix
        half = taps.shape[1] // 2
        out = torch.empty_like(x)
        out[:, :prefix] = 0
        x, patches = x[:, prefix:], out[:, prefix:]
        torch.addcmul(bias, x, taps[:, half], out=patches)
        for tap, to, at in _overlaps(spans, half):
            patches[to].addcmul_(x[at], taps[:, tap])
        return out

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x, taps = ctx.saved_tensors
        half = taps.shape[1] // 2
        slope, x = slopes[0][:, ctx.prefix :], x[:, ctx.prefix :]
        to_x = torch.empty_like(slopes[0])
        to_x[:, : ctx.prefix] = 0
        patches = to_x[:, ctx.prefix :]
        torch.mul(slope, taps[:, half], out=patches)
        to_taps = torch.zeros(
            taps.shape[::-1], dtype=torch.float32 if x.dtype.itemsize < 4 else x.dtype, device=x.device
        )
        to_taps[half] = _summed(slope * x)
        for tap, to, at in _overlaps(ctx.spans, half):
            patches[at].addcmul_(slope[to], taps[:, tap])
            to_taps[tap] += _summed(slope[to] * x[at])
        return to_x, to_taps.T.to(taps.dtype), _summed(slope).to(taps.dtype), None, None


def _overlaps(spans: tuple[tuple[int, int], ...], half: int) -> Iterator[tuple[int, slice, slice]]:
    """(tap, frames that are written, frames that are read) for each tap but the middle one, clip by clip."""
    for offset in range(-half, half + 1):
        for start, stop in spans:
            if offset and stop - start > abs(offset):
                to = slice(start + max(0, -offset), stop - max(0, offset))
                yield offset + half, to, slice(to.start + offset, to.stop + offset)


def _summed(x: Tensor) -> Tensor:
    """Over frames and tokens, in float32 at least."""
    return x.sum((0, 1), dtype=torch.float32 if x.dtype.itemsize < 4 else x.dtype)
