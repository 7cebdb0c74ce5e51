"""Perplexity of a language model on a text, with and without the glosses that it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from sla_cli.artifact.table import write_tsv
from sla_cli.core.normalize import profile
from sla_cli.core.quantities import Amount, Count, Positive, Share
from sla_cli.lm.kenlm_model import Model, open_lm, out_of_vocabulary
from sla_cli.lm.sentences import Text, read_source
from sla_cli.log import log
from sla_cli.system.atomic import Check

COLUMNS = ("id", "log10", "glosses", "oov", "sentence")


@dataclass(frozen=True)
class SentenceScore:
    """One sentence under a model.

    Attributes:
        log10: decimal logarithm of the probability of all glosses and of the sentence's end.
        log10_known: the part of it from known glosses and the end.
        oov: the glosses that the model does not know, each as often as it occurs.
    """

    id: str
    glosses: tuple[str, ...]
    log10: float
    log10_known: float
    oov: tuple[str, ...]


class TextPerplexity(Struct, kw_only=True):
    """The perplexity of a model on a text. The end of each sentence counts as a word, as in KenLM's `query` and
    SRILM's `ppl`.

    Attributes:
        text: the text that was scored
        sentences: number of sentences
        glosses: number of glosses
        perplexity: perplexity with unknown glosses as `<unk>`
        perplexity_without_oov: perplexity without unknown glosses: they are context of the following ones, but their
            probability and number do not count
        oov: number of unknown glosses
        oov_share: their share of all glosses
        oov_glosses: by unknown gloss, how often it occurs
    """

    text: str
    sentences: Count
    glosses: Count
    perplexity: Amount
    perplexity_without_oov: Amount
    oov: Count
    oov_share: Share
    oov_glosses: dict[str, int]


class ModelPerplexity(TextPerplexity, kw_only=True):
    """A model on a text.

    Attributes:
        lm: path of the model
        order: order of the model: the largest n of its n-grams
    """

    lm: Path
    order: Positive


def score_sentences(model: Model, sentences: Sequence[tuple[str, tuple[str, ...]]]) -> list[SentenceScore]:
    """Score (id, glosses) of each sentence."""
    scores = []
    for name, glosses in sentences:
        words = list(model.full_scores(" ".join(glosses)))
        known = sum(log10 for log10, _, unknown in words if not unknown)
        oov = tuple(out_of_vocabulary(model, glosses))
        scores.append(SentenceScore(name, glosses, sum(log10 for log10, _, _ in words), known, oov))
    return scores


def score_text(
    model: Path,
    source: Path,
    *,
    split: str = "dev",
    normalize: str = "none",
    out: Path | None = None,
    check: Check | None = None,
) -> ModelPerplexity:
    """Perplexity of a model on a text or on a split of a store; the scores of each sentence go to `out`, a TSV.

    `check` is as for `atomic_write`.

    Raises:
        SlaError: the model or the text cannot be read.
    """
    opened = open_lm(model)
    text = read_source(source, split, profile(normalize))
    scores = score_sentences(opened, text.sentences)
    for sentence in scores:
        log.debug("%s: log10 %.4f, %d unknown: %s", sentence.id, sentence.log10, len(sentence.oov), sentence.glosses)
    if out is not None:
        rows = [(one.id, f"{one.log10:.6f}", len(one.glosses), len(one.oov), " ".join(one.glosses)) for one in scores]
        write_tsv(out, COLUMNS, rows, check=check, keep=True)
    return ModelPerplexity(lm=model, order=opened.order, **asdict(text_perplexity(text, scores)))


def text_perplexity(text: Text, scores: Sequence[SentenceScore]) -> TextPerplexity:
    """The figures of a model on a text from the scores of its sentences."""
    glosses = sum(len(one.glosses) for one in scores)
    oov = [gloss for one in scores for gloss in one.oov]
    words = glosses + len(scores)
    return TextPerplexity(
        text=text.name,
        sentences=len(scores),
        glosses=glosses,
        perplexity=10 ** (-sum(one.log10 for one in scores) / words),
        perplexity_without_oov=10 ** (-sum(one.log10_known for one in scores) / (words - len(oov))),
        oov=len(oov),
        oov_share=len(oov) / glosses,
        oov_glosses=dict(Counter(oov).most_common()),
    )
