"""A store's train glosses or a text into an ARPA file, with its receipt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sla_cli.decode.lm import estimate, read_sentences, write_arpa
from sla_cli.errors import SlaError, some
from sla_cli.formats.receipt import Receipt, already_made, digest_file, write_receipt
from sla_cli.formats.store import Store
from sla_cli.log import log


def estimate_file(
    source: Path, out: Path, *, order: int, fallback: bool = False, force: bool = False
) -> dict[str, Any]:
    """Estimate a model and write it. Returns counts of sentences and n-grams an order.

    Raises:
        SlaError: no text, too little of it for the discounts and `fallback` is off, or `out` holds another model.
    """
    if source.is_dir():
        split = Store(source)["train"]
        sentences, digest = list(split.glosses), split.digest
    else:
        sentences, digest = list(read_sentences(source)), digest_file(source)
    receipt = Receipt("lm", {"order": order, "fallback": fallback}, {"text": digest})
    old = already_made(out, receipt, force=force)
    if old is not None and out.is_file():
        log.info("%s is up to date", out)
        return old.results
    if out.exists() and old is None and not force:
        raise SlaError(f"{out} exists", "Use --force to replace it.")
    arpa = estimate(sentences, order, fallback)
    if arpa.fallbacks:
        log.warning(
            "too little text to estimate discounts of order %s: fixed ones were used", some(map(str, arpa.fallbacks))
        )
    write_arpa(arpa, out)
    receipt.results = {"sentences": len(sentences), "ngrams": [len(level) for level in arpa.ngrams]}
    write_receipt(receipt, out)
    return receipt.results
