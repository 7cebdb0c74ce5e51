"""What transcribing one recording answers: its signs in time, and what the model saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sla_cli.core.annotation import Annotation


@dataclass(frozen=True)
class Transcript(Annotation):
    """The signs of a recording with the probabilities that they were read from.

    Attributes:
        glosses: the vocabulary; column i + 1 of `log_probs` is glosses[i], column 0 the blank.
        log_probs: float32 (steps, glosses + 1), natural log; None where they were not kept.
        step_times: float64 (steps + 1,), seconds: the borders of the output steps.
    """

    glosses: tuple[str, ...] = ()
    log_probs: np.ndarray | None = None
    step_times: np.ndarray | None = None
