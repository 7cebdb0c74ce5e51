"""A language model in a few figures, for `sla info`."""

from __future__ import annotations

import re
from pathlib import Path

from sla_cli.formats.description import Description
from sla_cli.formats.receipt import read_receipt
from sla_cli.lm.arpa import DATA
from sla_cli.lm.kenlm_model import BINARY, lm_head, open_lm

NGRAM = re.compile(rb"^ngram\s+(\d+)\s*=\s*(\d+)\s*$", re.MULTILINE)


def describe_lm(path: Path) -> Description | None:
    """An ARPA file (plain or gzip) or a KenLM binary, None for anything else.

    Raises:
        SlaError: the file cannot be read.
        FormatError: a gzip file or a KenLM binary that is damaged.
    """
    if not path.is_file():
        return None
    head = lm_head(path)
    size = {"bytes": path.stat().st_size}
    if head.startswith(BINARY):
        facts = {"form": "KenLM binary", "order": open_lm(path).order, **size}
        return Description(path, "language model", "", None, facts)
    if not any(line.strip() == DATA for line in head.split(b"\n")):
        return None
    counts = {int(order): int(count) for order, count in NGRAM.findall(head.replace(b"\r", b""))}
    facts = {"form": "ARPA", "order": max(counts, default=0), "ngrams": {f"{n}": count for n, count in counts.items()}}
    return Description(path, "language model", "", None, {**facts, **size}, read_receipt(path))
