"""Estimates an ARPA file, with its receipt, from a store's train glosses or a text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET, Struct, UnsetType, to_builtins

from sla_cli.artifact.receipt import DIGEST, Receipt, read_receipt, receipt_of_file
from sla_cli.config.checks import read_values
from sla_cli.core.counted import counted
from sla_cli.core.normalize import profile
from sla_cli.core.quantities import Count, Positive
from sla_cli.errors import some
from sla_cli.lm.arpa import Arpa, holds, is_arpa, write_arpa
from sla_cli.lm.counts import check_thresholds
from sla_cli.lm.estimate import Unknown, estimate
from sla_cli.lm.kenlm_model import open_lm, out_of_vocabulary
from sla_cli.lm.ngram_order import DEFAULT, ChosenOrder, choose_order, reason
from sla_cli.lm.perplexity import TextPerplexity, score_sentences, text_perplexity
from sla_cli.lm.sentences import Text, has_sentences, read_source
from sla_cli.log import log
from sla_cli.store.paths import names_store
from sla_cli.store.store import Store
from sla_cli.work.making import making
from sla_cli.work.output import LANGUAGE_MODEL, check_output


class Estimated(Struct, kw_only=True):
    """An estimated model.

    Attributes:
        order: order of the model: the largest n of its n-grams
        sentences: number of sentences that were counted
        different: number of different sentences
        ngrams: number of n-grams of each order
        discounts: for each order, the discounts of n-grams that occur once, twice, and more often
        fallbacks: orders that use the fallback discounts
        lowered: Only if no order was given and the text does not support order 3: the reason
        dev: result of `sla lm score` on dev; null if there is no dev
    """

    order: Positive
    sentences: Count
    different: Count
    ngrams: list[int]
    discounts: Sequence[tuple[float, float, float]]
    fallbacks: Sequence[int]
    lowered: str | UnsetType = UNSET
    dev: TextPerplexity | None

    def __post_init__(self) -> None:
        if not self.order == len(self.ngrams) == len(self.discounts):
            raise ValueError("n-grams or discounts of another number of orders")


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
) -> Estimated:
    """Estimate a model and write it.

    Args:
        source: a store, whose train split is used, or a text.
        order: of the n-grams; None uses the highest up to 3 that the text supports, and logs it if it is lower.
        fallback: use fixed discounts for orders whose discounts cannot be computed.
        unique: count each different sentence once.
        normalize: name of the profile that cleans the sentences, also those of dev.
        dev: text or store to measure the model on; by default a store's own dev split, if it has glosses.

    Raises:
        SlaError: no text, one that does not support the `order` while `fallback` is off, or `out` is another model or a
            file that is never replaced.
    """
    cleaning = profile(normalize)
    text = read_source(source, "train", cleaning)
    sentences = [glosses for _, glosses in text.sentences]
    different = list(dict.fromkeys(sentences))
    used = different if unique else sentences
    check_thresholds(prune, order or DEFAULT)
    chosen = choose_order(used, order, fallback)
    prune = check_thresholds(prune[: chosen.order], chosen.order)
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
    with making(out, receipt, kind=LANGUAGE_MODEL, inputs=(source, dev), force=force) as artifact:
        if dev is None and names_store(source):
            dev = source if has_sentences(Store(source), "dev", cleaning) else None
            if dev is None:
                log.info("%s has no dev split with glosses: the model is not measured", source)
        measured = None if dev is None else read_source(dev, "dev", cleaning)
        if (there := artifact.there) is not None:
            found = {key: value for key, value in there.results.items() if key != DIGEST}
            found["dev"] = to_builtins(_measure(out, measured))
            return read_values(Estimated, found, receipt_of_file(out), "Make it again with --force.")
        log.info("%s: %s, %d of them different", text.name, counted(len(sentences), "sentence"), len(different))
        # If a model exists without receipt, a comparison shows whether a command was interrupted before the receipt.
        half_made = not force and out.is_file() and is_arpa(out)
        check_output(out, LANGUAGE_MODEL, replace=force or half_made)
        arpa = estimate(used, chosen.order, chosen.fallback, prune=prune, unknown=unknown)
        _warn_of_fallbacks(arpa, chosen, used)
        if complete := read_receipt(out) is None and holds(out, arpa):  # another command may have just written it
            log.info("%s was already complete except for its receipt", out)
        artifact.replaces = force or complete
        check_output(out, LANGUAGE_MODEL, replace=artifact.replaces)
        artifact.begin()
        write_arpa(arpa, out, check=artifact.check)
        estimated = Estimated(
            order=chosen.order,
            lowered=chosen.why or UNSET,
            sentences=len(used),
            different=len(different),
            ngrams=[len(level) for level in arpa.ngrams],
            discounts=arpa.discounts,
            fallbacks=arpa.fallbacks,
            dev=_measure(out, measured),
        )
        if names_store(source):
            _warn_of_vocabulary(out, Store(source).vocabulary)
        artifact.results = to_builtins(estimated)
        return estimated


def _warn_of_fallbacks(arpa: Arpa, chosen: ChosenOrder, sentences: Sequence[Sequence[str]]) -> None:
    if arpa.fallbacks and not chosen.why:
        orders = ", ".join(map(str, arpa.fallbacks))
        log.warning(
            "%s, so order %s gives no discounts: fixed discounts (0.5, 1, 1.5) were used", reason(sentences), orders
        )


def _measure(model: Path, text: Text | None) -> TextPerplexity | None:
    return None if text is None else text_perplexity(text, score_sentences(open_lm(model), text.sentences))


def _warn_of_vocabulary(model: Path, vocabulary: Sequence[str]) -> None:
    """A recogniser trained on the store outputs the glosses of its vocabulary."""
    if missing := out_of_vocabulary(open_lm(model), vocabulary):
        log.warning(
            "this model does not know %d of the store's %s, so decoding scores them as <unk>: %s",
            *(len(missing), counted(len(vocabulary), "gloss"), some(missing)),
        )
