"""What a language model makes of a text or of a split of a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sla_cli.atomic import atomic_write
from sla_cli.core.normalize import profile
from sla_cli.lm.kenlm_model import open_lm
from sla_cli.lm.perplexity import Perplexity, score_sentences
from sla_cli.lm.text import Text, read_source
from sla_cli.log import log


def score_text(
    model: Path, source: Path, *, split: str = "dev", normalize: str = "none", out: Path | None = None
) -> dict[str, Any]:
    """Perplexity of a model on a text or on a split of a store; the scores of each sentence go to `out`, a TSV.

    Raises:
        SlaError: the model or the text cannot be read.
    """
    opened = open_lm(model)
    text = read_source(source, split, profile(normalize))
    result = score_sentences(opened, text.sentences)
    for sentence in result.sentences:
        log.debug("%s: log10 %.4f, %d unknown: %s", sentence.id, sentence.log10, len(sentence.oov), sentence.glosses)
    if out is not None:
        _write_table(result, out)
    return {"order": opened.order, **perplexity_facts(text, result)}


def perplexity_facts(text: Text, result: Perplexity) -> dict[str, Any]:
    """What there is to say of a model on a text, as JSON values; unknown glosses come with how often they occur."""
    unknown = Counter(result.oov)
    return {
        "text": text.name,
        "sentences": len(result.sentences),
        "glosses": result.glosses,
        "perplexity": result.including_oov,
        "perplexity_without_oov": result.excluding_oov,
        "oov": len(result.oov),
        "oov_share": len(result.oov) / result.glosses,
        "oov_glosses": dict(unknown.most_common()),
    }


def _write_table(result: Perplexity, out: Path) -> None:
    rows = ["id\tlog10\tglosses\toov\tsentence"]
    for sentence in result.sentences:
        numbers = f"{sentence.log10:.6f}\t{len(sentence.glosses)}\t{len(sentence.oov)}"
        rows.append(f"{sentence.id}\t{numbers}\t{' '.join(sentence.glosses)}")
    with atomic_write(out) as temporary:
        temporary.write_text("\n".join(rows) + "\n", encoding="utf-8")
