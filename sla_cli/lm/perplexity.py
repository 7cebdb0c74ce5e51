"""How well a language model predicts sentences: perplexity with and without the glosses that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sla_cli.lm.kenlm_model import Model, out_of_vocabulary


@dataclass(frozen=True)
class SentenceScore:
    """One sentence under a model.

    Attributes:
        log10: decimal logarithm of the probability of all glosses and of the sentence's end.
        log10_known: the part of it that known glosses and the end contribute.
        oov: the glosses that the model does not know, as often as they occur.
    """

    id: str
    glosses: tuple[str, ...]
    log10: float
    log10_known: float
    oov: tuple[str, ...]


@dataclass(frozen=True)
class Perplexity:
    """Scores of sentences. The end of each sentence counts as a word, as in KenLM's `query` and SRILM's `ppl`."""

    sentences: tuple[SentenceScore, ...]

    @property
    def glosses(self) -> int:
        return sum(len(sentence.glosses) for sentence in self.sentences)

    @property
    def oov(self) -> tuple[str, ...]:
        """Unknown glosses, as often as they occur."""
        return tuple(gloss for sentence in self.sentences for gloss in sentence.oov)

    @property
    def including_oov(self) -> float:
        """Unknown glosses have the probability of <unk>."""
        words = self.glosses + len(self.sentences)
        return float(10 ** (-sum(sentence.log10 for sentence in self.sentences) / words))

    @property
    def excluding_oov(self) -> float:
        """Unknown glosses are context of what follows, but neither their probability nor their number counts."""
        words = self.glosses + len(self.sentences) - len(self.oov)
        return float(10 ** (-sum(sentence.log10_known for sentence in self.sentences) / words))


def score_sentences(model: Model, sentences: Sequence[tuple[str, tuple[str, ...]]]) -> Perplexity:
    """Score (id, glosses) of each sentence."""
    return Perplexity(tuple(_score(model, name, glosses) for name, glosses in sentences))


def _score(model: Model, name: str, glosses: tuple[str, ...]) -> SentenceScore:
    words = list(model.full_scores(" ".join(glosses)))
    return SentenceScore(
        name,
        glosses,
        sum(log10 for log10, _, _ in words),
        sum(log10 for log10, _, unknown in words if not unknown),
        tuple(out_of_vocabulary(model, glosses)),
    )
