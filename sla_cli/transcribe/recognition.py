"""The signs of a recording, with the probabilities from which they were recognised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.annotation import Annotation


@dataclass(frozen=True, eq=False)  # equal if the annotation is: a comparison of arrays has no single truth value
class Recognition(Annotation):
    """The output of the model for a recording; `Annotation` has the other attributes.

    Attributes:
        glosses: the vocabulary; glosses[i] has column i + 1 of `log_probs`, the blank column 0.
        log_probs: natural-log probabilities, float32 (steps, glosses + 1); None if they were not kept.
        step_times: borders of the steps in seconds, float64 (steps + 1,).
        score: score of the search, natural log, higher is better.
        warning: in what the recording is unlike the training data; None if it is like it.
    """

    glosses: tuple[str, ...] = ()
    log_probs: NDArray[np.float32] | None = None
    step_times: NDArray[np.float64] | None = None
    score: float = 0.0
    warning: str | None = None
