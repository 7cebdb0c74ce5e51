"""Tells tiers that are as sla wrote them from corrected ones: the header has a digest of each tier's annotations.

Annotations cost hours. A tier without its digest, or with another one, holds somebody's work and is never replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sla_cli.annotation.eaf import ANNOTATOR, DIGEST, digest_of
from sla_cli.annotation.eaf_document import Document, read_document
from sla_cli.annotation.eaf_read import tiers_of
from sla_cli.annotation.tier import Tier
from sla_cli.errors import FormatError, SlaError

HINT = "Give the new glosses another file, or another tier (--add-to, --tier)."


def check_uncorrected(document: Document, names: Iterable[str] | None = None) -> None:
    """Raise SlaError if one of these tiers is not as sla wrote it; None means all tiers of the file.

    ELAN may have saved the file in between: ids, order and spaces do not matter. A participant is somebody's work: sla
    knows none.
    """
    tiers = {tier.name: tier for tier in tiers_of(document)}
    properties = document.header.named("PROPERTY")
    digests = {one.attributes.get("NAME", ""): one.text.strip() for one in properties}
    lines = {node.attributes.get("TIER_ID"): node.line for node in document.root.named("TIER")}
    for name in tiers if names is None else names:
        tier, where = tiers[name], f"{document.name}, line {lines[name]}: tier {name}"
        if tier.annotator != ANNOTATOR:
            raise SlaError(f"{where} is not from sla and is not replaced", HINT)
        if tier.participant:
            raise SlaError(f"{where} has a participant, {tier.participant}, and is not replaced", HINT)
        if digests.get(DIGEST + name) != digest_of(_intervals(tier)):
            raise SlaError(f"{where} was corrected since sla wrote it, and is not replaced", HINT)


def is_uncorrected(path: Path) -> bool:
    """True for a file of which all tiers are as sla wrote them, False for one without tiers or not from ELAN.

    Raises:
        SlaError: an ELAN file with other tiers, with corrected ones, or with further links; names the tier.
    """
    try:
        document = read_document(path)
    except FormatError:
        return False
    check_uncorrected(document)
    links = document.header.named("MEDIA_DESCRIPTOR")
    if len(links) > 1 or document.header.named("LINKED_FILE_DESCRIPTOR"):
        raise SlaError(f"{document.name} links files that sla did not link, and is not replaced", HINT)
    return bool(document.root.named("TIER"))  # a template has none, and is somebody's


def _intervals(tier: Tier) -> list[tuple[int, int, str]]:
    return [(mark.start, mark.end, mark.text) for mark in tier.marks]
