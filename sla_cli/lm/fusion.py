"""A gloss language model for a beam search: scores by vocabulary column, weighted, as natural logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sla_cli.lm.kenlm_model import RESERVED, Model, State

LN10 = math.log(10)


class GlossModel:
    """alpha ln P(gloss | history) + beta for each gloss, alpha ln P(</s> | history) at the end.

    Args:
        model: an open language model.
        glosses: the vocabulary; glosses[i] is column i + 1. One that the model lacks is scored as its <unk>.
        alpha: weight of the language model.
        beta: added for each gloss.
    """

    def __init__(self, model: Model, glosses: Sequence[str], alpha: float, beta: float) -> None:
        self._model = model
        # A gloss named <s> is not the start of a sentence.
        self._words = ("", *("<unk>" if gloss in RESERVED else gloss for gloss in glosses))
        self.weigh(alpha, beta)

    @property
    def order(self) -> int:
        return self._model.order

    def weigh(self, alpha: float, beta: float) -> None:
        """Change the weights; the model stays loaded."""
        self._scale, self._beta = alpha * LN10, beta  # KenLM uses decimal logarithms

    def start(self) -> State:
        """The state before the first gloss."""
        state = State()
        self._model.BeginSentenceWrite(state)
        return state

    def gloss(self, before: State, column: int) -> tuple[float, State]:
        """The score that the gloss of a column (from 1) adds, a natural logarithm, and the state after it."""
        after = State()
        return self._scale * self._model.BaseScore(before, self._words[column], after) + self._beta, after

    def end(self, before: State) -> float:
        """The score that the end of the sentence adds, a natural logarithm."""
        return float(self._scale * self._model.BaseScore(before, "</s>", State()))
