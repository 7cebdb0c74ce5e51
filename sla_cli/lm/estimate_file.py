"""Estimates an ARPA file, with its receipt, from a store's train glosses or a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sla_cli.artifact.receipt import Receipt, already_made, digest_file, unchanged_digest, write_receipt
from sla_cli.core.normalize import profile
from sla_cli.errors import some
from sla_cli.lm.arpa import holds, is_arpa, write_arpa
from sla_cli.lm.counts import check_thresholds
from sla_cli.lm.estimate import Unknown, estimate
from sla_cli.lm.kenlm_model import open_lm, out_of_vocabulary
from sla_cli.lm.ngram_order import DEFAULT, choose_order
from sla_cli.lm.perplexity import perplexity_facts, score_sentences
from sla_cli.lm.sentences import Text, has_sentences, read_source
from sla_cli.log import log
from sla_cli.store.paths import names_store
from sla_cli.store.store import Store
from sla_cli.work.output import LANGUAGE_MODEL, check_output


def estimate_file(
    source: Path,
    out: Path,
    *,
    order: int | None = None,
    fallback: bool = False,
    unique: bool = False,
    prune: Sequence[int] = (),
    unknown: Unknown = "share",
    normalize: str = "none",
    dev: Path | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Estimate a model and write it.

    Args:
        source: a store, whose train split is used, or a text.
        order: of the n-grams; None uses the highest up to 3 that the text supports, and logs it if it is lower.
        fallback: use fixed discounts for orders whose discounts cannot be computed.
        unique: count each different sentence once.
        normalize: name of the profile that cleans the sentences, also those of dev.
        dev: text or store to measure the model on; by default a store's own dev split, if it has glosses.

    Returns:
        The order, counts of sentences, for each order counts of n-grams and discounts, orders with fallbacks, `lowered`
        (why the order is below the default, if it is), and `dev`: the result of `perplexity_facts`, None without dev.

    Raises:
        SlaError: no text, one that does not support the `order` while `fallback` is off, or `out` is another model or a
            file that is never replaced.
    """
    check_output(out, LANGUAGE_MODEL, inputs=(source, dev), replace=True)
    cleaning = profile(normalize)
    text = read_source(source, "train", cleaning)
    sentences = [glosses for _, glosses in text.sentences]
    different = list(dict.fromkeys(sentences))
    counted = different if unique else sentences
    check_thresholds(prune, order or DEFAULT)
    chosen = choose_order(counted, order, fallback)
    prune = prune[: chosen.order]
    # An order that was chosen is recorded like a given one: the model is the same.
    settings = {
        "order": chosen.order,
        "fallback": chosen.fallback,
        "unique": unique,
        "prune": list(prune),
        "unknown": unknown,
        "normalize": str(cleaning),
    }
    receipt = Receipt("lm", settings, {"text": text.digest}, sources={"text": str(source.resolve())})
    old = already_made(out, receipt, force=force)
    if dev is None and names_store(source):
        dev = source if has_sentences(Store(source), "dev", cleaning) else None
        if dev is None:
            log.info("%s has no dev split with glosses: the model is not measured", source)
    measured = None if dev is None else read_source(dev, "dev", cleaning)
    if old is not None and out.is_file():
        unchanged_digest(out)
        old.results.pop("digest", None)
        log.info("%s is up to date", out)
        return {"order": chosen.order, **old.results, "dev": _measure(out, measured)}
    # If a model exists without receipt, a comparison shows whether a command was interrupted before the receipt.
    half_made = not force and old is None and out.is_file() and is_arpa(out)
    check_output(out, LANGUAGE_MODEL, replace=force or old is not None or half_made)
    log.info("%s: %d sentences, %d of them different", text.name, len(sentences), len(different))
    arpa = estimate(counted, chosen.order, chosen.fallback, prune=prune, unknown=unknown)
    if arpa.fallbacks and not chosen.why:
        log.warning(
            "the text is small or repeats its sentences (--unique), so order %s gives no discounts: "
            "fixed discounts (0.5, 1, 1.5) were used",
            ", ".join(map(str, arpa.fallbacks)),
        )
    if half_made and holds(out, arpa):
        log.info("%s was already complete except for its receipt", out)
    else:
        check_output(out, LANGUAGE_MODEL, replace=not half_made)
        write_arpa(arpa, out)
    facts = {
        "order": chosen.order,
        **({"lowered": chosen.why} if chosen.why else {}),
        "sentences": len(counted),
        "different": len(different),
        "ngrams": [len(level) for level in arpa.ngrams],
        "discounts": [list(discounts) for discounts in arpa.discounts],
        "fallbacks": list(arpa.fallbacks),
        "dev": _measure(out, measured),
    }
    if names_store(source):
        _warn_of_vocabulary(out, Store(source).vocabulary)
    receipt.results = {**facts, "digest": digest_file(out)}
    write_receipt(receipt, out)
    return facts


def _measure(model: Path, text: Text | None) -> dict[str, Any] | None:
    return None if text is None else perplexity_facts(text, score_sentences(open_lm(model), text.sentences))


def _warn_of_vocabulary(model: Path, vocabulary: Sequence[str]) -> None:
    """A recogniser trained on the store outputs the glosses of its vocabulary."""
    if missing := out_of_vocabulary(open_lm(model), vocabulary):
        log.warning(
            "%d of the store's %d glosses are unknown to this model, so decoding scores them as <unk>: %s",
            len(missing),
            len(vocabulary),
            some(missing),
        )
