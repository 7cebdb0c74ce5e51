"""Decoders of one clip: their common interface, hypotheses with spans and confidence, and the greedy decoder."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import check_log_probs, greedy


class StepHypothesis(NamedTuple):
    """Recognised glosses of one clip, placed in output steps.

    Attributes:
        glosses: in order.
        score: natural log, higher is better.
        spans: one (start, end) for each gloss, in output steps, end exclusive.
        confidence: one number from 0 to 1 for each gloss, see `confidences`.
    """

    glosses: tuple[str, ...]
    score: float
    spans: tuple[tuple[int, int], ...]
    confidence: tuple[float, ...]


def confidences(
    log_probs: NDArray[np.floating], columns: Sequence[int], spans: Sequence[tuple[int, int]]
) -> tuple[float, ...]:
    """The greatest posterior that each gloss reaches within its span: the height of its CTC spike.

    It is low for a gloss that only a language model or a hot word put into the hypothesis.
    docs/experiments/confidence.md compares it with other numbers.

    Args:
        log_probs: float (T, V + 1), natural log.
        columns: of the glosses.
        spans: one (start, end) for each gloss in output steps, end exclusive.

    Returns:
        Numbers from 0 to 1, rounded to 4 digits.
    """
    peaks = [float(log_probs[start:end, column].max()) for column, (start, end) in zip(columns, spans, strict=True)]
    return tuple(round(math.exp(min(peak, 0.0)), 4) for peak in peaks)  # rounding may have raised it above 0


class Decoder(ABC):
    """Log-probabilities of one clip to hypotheses. Use as a context manager, or call `close()`."""

    @abstractmethod
    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[StepHypothesis]:
        """From 1 to `n` different hypotheses of one clip, best first.

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


class GreedyDecoder(Decoder):
    """Best path: the most probable column of each step, collapsed. Its score is the path's log-probability."""

    def __init__(self, glosses: Sequence[str]) -> None:
        self.glosses = tuple(glosses)

    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[StepHypothesis]:
        """The best path, the only hypothesis for any `n`; see `Decoder.nbest`."""
        score = float(check_log_probs(log_probs, len(self.glosses) + 1).sum(dtype=np.float64))
        labels = greedy(log_probs)
        columns, spans = [column for column, _, _ in labels], tuple((start, end) for _, start, end in labels)
        glosses = tuple(self.glosses[column - 1] for column in columns)
        return [StepHypothesis(glosses, score, spans, confidences(log_probs, columns, spans))]
