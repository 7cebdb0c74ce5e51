"""How a recording of any length is divided for a head that was trained on sentences."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.config.settings import TrainConfig
from sla_cli.core.counted import counted


@dataclass(frozen=True)
class Windows:
    """How a recording is divided for the head.

    Attributes:
        length: frames of a window, a multiple of the head's stride.
        context: frames at each cut end of a window whose output is not used, a multiple of the stride.
    """

    length: int
    context: int

    @classmethod
    def of(cls, train: TrainConfig, stride: int) -> Windows:
        """Windows as long as the longest clip in training, with a quarter of it as context on each side."""
        steps = max(4, -(-train.max_frames // stride))
        return cls(steps * stride, steps // 4 * stride)

    def start(self, stop: int, stride: int) -> int:
        """The frame with which a window begins that ends before frame `stop`, a multiple of the stride."""
        return -(-max(0, stop - self.length) // stride) * stride

    def described(self, fps: float) -> str:
        """Words for it, with seconds if the frames per second are known (not 0)."""
        seconds = f" ({self.length / fps:.1f} s)" if fps else ""
        return f"{counted(self.length, 'frame')}{seconds}, {self.context} of context on each side"
