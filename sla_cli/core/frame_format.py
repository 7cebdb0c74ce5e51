"""How the frames of a store look, which is how a model trained on it sees the world."""

from __future__ import annotations

from dataclasses import dataclass

SAME = 0.02  # frame rates that differ by a smaller share are one: cameras and containers round


@dataclass(frozen=True)
class FrameFormat:
    """What the frames of clips share.

    Attributes:
        size: side in pixels.
        fit: how the source was brought to a square: squash, pad or crop.
        fps: frames per second of most clips, 0 where unknown.
        fps_lowest, fps_highest: of the clips whose rate is known, 0 where none is.
    """

    size: int
    fit: str
    fps: float
    fps_lowest: float
    fps_highest: float

    def has_rate(self, fps: float) -> bool:
        """Whether clips of this frame rate are among these, or nothing is known of one of the two."""
        if not fps or not self.fps_highest:
            return True
        return (1 - SAME) * self.fps_lowest <= fps <= (1 + SAME) * self.fps_highest
