"""The temporal head: convolutions and pooling, LSTM, normalised classifier, on clips of any length.

Clips are concatenated along time. A convolution runs over all of them, and outputs across borders are removed, so
nothing is computed for padding, and batch statistics use only real steps (as in VAC and CorrNet).
"""

from __future__ import annotations

import math
import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from sla_cli.config.settings import HeadConfig
from sla_cli.errors import SlaError

MOST_FRAMES = 1_000  # most frames that an output may depend on: 40 s of signing; also limits the work for short clips
MOST_STRIDE = 100  # most frames that become one output; short clips are lengthened to one output per gloss


def parse_pattern(text: str) -> list[tuple[str, int]]:
    """`K5,P2` → [("K", 5), ("P", 2)]: convolutions and max pools with their kernel sizes. Raises SlaError."""
    parts = [re.fullmatch(r"([KP])([1-9][0-9]{0,4})", part.strip()) for part in text.split(",")]
    if any(part is None for part in parts):
        raise SlaError(f"head.pattern = {text!r} cannot be read", "Write K or P with a size, such as K5,P2,K5,P2.")
    layers = [(part[1], int(part[2])) for part in parts if part is not None]
    if padded_length(1, layers) > MOST_FRAMES:
        raise SlaError(
            f"head.pattern = {text!r}: an output depends on more than {MOST_FRAMES} frames", "Use smaller sizes."
        )
    if math.prod(size for kind, size in layers if kind == "P") > MOST_STRIDE:
        raise SlaError(f"head.pattern = {text!r}: more than {MOST_STRIDE} frames in an output", "Use smaller pools.")
    return layers


def pattern_stride(text: str) -> int:
    """Frames per output step."""
    return math.prod(size for kind, size in parse_pattern(text) if kind == "P")


def padded_length(steps: int, pattern: list[tuple[str, int]]) -> int:
    """Frames that layers without padding need for exactly `steps` outputs."""
    for kind, size in reversed(pattern):
        steps = steps * size if kind == "P" else steps + size - 1
    return steps


class TemporalConv(nn.Module):
    """Conv1d + BatchNorm + ReLU and max pools by pattern; ceil(frames / stride) outputs per clip.

    Each clip is padded by repeating its first feature on the left and its last on the right (method.md). If it is
    causal, an output depends on no frame after its own `stride` frames.
    """

    def __init__(self, width: int, config: HeadConfig) -> None:
        super().__init__()
        self.pattern = parse_pattern(config.pattern)
        self.stride = pattern_stride(config.pattern)
        around = padded_length(1, self.pattern) - self.stride
        self.margin = around if config.causal else around // 2  # frames before those of a step on which it depends
        self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
        for kind, size in self.pattern:
            if kind == "K":
                self.convs.append(nn.Conv1d(width, config.channels, size))
                self.norms.append(nn.BatchNorm1d(config.channels))
                width = config.channels
        self.width = width

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """x: (frames, width); lengths: int64 (clips,) on the CPU → (steps, channels), int64 (clips,) steps."""
        steps = (lengths + self.stride - 1) // self.stride
        row, counts = self._pad(x, lengths, steps)
        x, layer = row.T.unsqueeze(0), 0  # (1, channels, time)
        for kind, size in self.pattern:
            if kind == "K":
                x, counts = self._keep(self.convs[layer](x), counts, counts - (size - 1))
                x = F.relu(self.norms[layer](x))
                layer += 1
            else:
                x, counts = F.max_pool1d(x, size), counts // size
        return x.squeeze(0).T, steps

    def _pad(self, x: Tensor, lengths: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        counts = torch.tensor([padded_length(int(n), self.pattern) for n in steps])
        starts = lengths.cumsum(0) - lengths
        index = [
            start + (torch.arange(count) - self.margin).clamp(0, length - 1)
            for start, count, length in zip(starts.tolist(), counts.tolist(), lengths.tolist(), strict=True)
        ]
        return x[torch.cat(index).to(x.device, non_blocking=True)], counts

    def _keep(self, x: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Remove what a convolution computed across borders: a clip keeps the first `after` of `before` columns."""
        if len(before) == 1:
            return x, after
        starts = (before.cumsum(0) - before).tolist()
        index = [torch.arange(start, start + count) for start, count in zip(starts, after.tolist(), strict=True)]
        return x[..., torch.cat(index).to(x.device, non_blocking=True)], after


class SequenceModel(nn.Module):
    """LSTM over the steps of each clip, in both directions or forward; nothing is computed for padding."""

    def __init__(self, width: int, config: HeadConfig) -> None:
        super().__init__()
        between = config.dropout if config.lstm_layers > 1 else 0.0
        directions = 1 if config.causal else 2
        hidden = config.lstm_width or max(1, width // directions)
        self.lstm = nn.LSTM(width, hidden, config.lstm_layers, bidirectional=directions == 2, dropout=between)
        self.width = directions * hidden

    def forward(self, x: Tensor, steps: Tensor) -> Tensor:
        """x: (steps, width in), clips concatenated; steps: (clips,) → (steps, width)."""
        packed = pack_sequence(list(x.split(steps.tolist())), enforce_sorted=False)
        return torch.cat(unpack_sequence(self.lstm(packed)[0]))


class NormalizedClassifier(nn.Module):
    """Bias-free linear layer with L2-normalised class weights (VAC's NormLinear)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, classes))
        nn.init.xavier_uniform_(self.weight, gain=nn.init.calculate_gain("relu"))

    def forward(self, x: Tensor) -> Tensor:
        """x: (steps, width) → (steps, classes)."""
        return x @ F.normalize(self.weight, dim=0)


def classifier(width: int, classes: int, config: HeadConfig) -> nn.Module:
    """(steps, width) → (steps, classes), with normalised class weights or plain."""
    return NormalizedClassifier(width, classes) if config.normalized else nn.Linear(width, classes)
