"""A gloss language model as a beam search asks it: by vocabulary column, weighted, in natural logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence

import kenlm

from sla_cli.lm.kenlm_model import RESERVED

LN10 = math.log(10)


class GlossModel:
    """alpha ln P(gloss | history) + beta for each gloss, alpha ln P(</s> | history) at the end.

    Args:
        model: an open KenLM model.
        glosses: the vocabulary; glosses[i] is column i + 1. One that the model lacks is scored as its <unk>.
        alpha: weight of the language model.
        beta: reward a gloss.
    """

    def __init__(self, model: kenlm.Model, glosses: Sequence[str], alpha: float, beta: float) -> None:
        self.model = model
        # A gloss called <s> is not the start of a sentence.
        self._words = ("", *("<unk>" if gloss in RESERVED else gloss for gloss in glosses))
        self.weigh(alpha, beta)

    def weigh(self, alpha: float, beta: float) -> None:
        """Change the weights; the model stays loaded."""
        self._scale, self._beta = alpha * LN10, beta  # KenLM's logarithms are decimal

    def start(self) -> kenlm.State:
        """The state before the first gloss."""
        state = kenlm.State()
        self.model.BeginSentenceWrite(state)
        return state

    def gloss(self, before: kenlm.State, column: int) -> tuple[float, kenlm.State]:
        """What a gloss adds to the score, and the state after it."""
        state = kenlm.State()
        log10 = self.model.BaseScore(before, self._words[column], state)
        return self._scale * log10 + self._beta, state

    def end(self, before: kenlm.State) -> float:
        """What the end of the sentence adds to the score."""
        return self._scale * self.model.BaseScore(before, "</s>", kenlm.State())
