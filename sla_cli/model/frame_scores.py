"""Which sign each frame shows, by a linear classifier of the backbone's features, which cannot look at other times.

Log-probabilities of the BiLSTM say which glosses there are, but may place them anywhere. These scores say where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from sla_cli.errors import FormatError
from sla_cli.model.checkpoint import read_fitted, write_tensors
from sla_cli.work.calibration import FIT_AGAIN

NAME, VERSION = "sla-frame-scores", 1
SCALE = 8  # per nat; an int8 then reaches 16 nats


@dataclass(frozen=True)
class FrameScorer:
    """Attributes:
    weight: float32 (glosses + 1, width).
    bias: float32 (glosses + 1,).
    least: frames that a sign has at least, with those next to it that look like it.
    """

    weight: Tensor
    bias: Tensor
    least: int

    def __call__(self, features: Tensor) -> Tensor:
        """Scores of frames, column 0 for no sign: int8 (frames, glosses + 1).

        In eighths of a nat, relative to the best of the frame, at least -128. They are logarithms of the probability of
        a column divided by a power of its frequency, as in hybrid models (Bourlard & Morgan, 1994).

        Args:
            features: of the backbone, (frames, width), of any float type.
        """
        with torch.autocast(features.device.type, enabled=False):
            scores = torch.addmm(self.bias, features.float(), self.weight.T)
        return (SCALE * (scores - scores.amax(1, keepdim=True))).clamp_(-128).round_().to(torch.int8)

    def to(self, device: torch.device) -> FrameScorer:
        """The same on a device."""
        return FrameScorer(self.weight.to(device), self.bias.to(device), self.least)


def save_scorer(path: Path, scorer: FrameScorer, weights: str) -> None:
    """Write it. `weights`: digest of the checkpoint with whose features it was fitted."""
    tensors = {"weight": scorer.weight, "bias": scorer.bias}
    header = {"format": NAME, "version": str(VERSION), "weights": weights, "least": str(scorer.least)}
    write_tensors(path, tensors, header)


def load_scorer(path: Path, shape: tuple[int, int], weights: str) -> FrameScorer:
    """Read it.

    Args:
        shape: glosses + 1 and width of the features.
        weights: digest of the run's checkpoint.

    Raises:
        FormatError: as `read_fitted`.
    """
    tensors, header = read_fitted(path, NAME, VERSION, weights, {"weight": shape, "bias": shape[:1]})
    least = header.get("least", "")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", least):
        shown = least if len(least) < 20 else f"{least[:20]}…"
        raise FormatError(f"{path}: its header is damaged (least: {shown!r})", FIT_AGAIN)
    return FrameScorer(tensors["weight"], tensors["bias"], int(least))
