"""What every decoder of one clip answers: hypotheses with spans and confidence, best first."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import frame_spans
from sla_cli.core.hypothesis import Hypothesis


class StepHypothesis(NamedTuple):
    """Recognised glosses of one clip, placed in output steps.

    Attributes:
        glosses: in order.
        score: natural log, higher is better.
        spans: one (start, end) for each gloss, in output steps, end exclusive.
        confidence: one number from 0 to 1 for each gloss, see confidence.py.
    """

    glosses: tuple[str, ...]
    score: float
    spans: tuple[tuple[int, int], ...]
    confidence: tuple[float, ...]

    def in_frames(self, clip: str, rank: int, stride: int, frames: int, fps: float) -> Hypothesis:
        """The same with the clip's id, its frame rate, and spans in video frames.

        Args:
            stride: video frames per output step.
            frames, fps: video frames of the clip, and per second.
        """
        spans = frame_spans(self.spans, stride, frames)
        return Hypothesis(clip, self.glosses, self.score, spans, self.confidence, rank, fps)


class Decoder(ABC):
    """Log-probabilities of one clip to hypotheses. Use as a context manager, or call `close()`."""

    @abstractmethod
    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[StepHypothesis]:
        """At most `n` different hypotheses of one clip, best first, and at least one.

        Args:
            log_probs: float (T, V + 1), natural log; column 0 is the blank, column i + 1 is gloss i.

        Raises:
            SlaError: not log-probabilities of this vocabulary.
        """

    def decode(self, log_probs: NDArray[np.floating]) -> StepHypothesis:
        """The best hypothesis of one clip. Raises as `nbest` does."""
        return self.nbest(log_probs, 1)[0]

    def close(self) -> None:  # noqa: B027
        """Free the language model, if there is one."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
