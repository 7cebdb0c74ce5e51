"""Tells what is as sla wrote it from what was corrected: the header has digests of the file and of each tier.

Annotations cost hours. A tier without its digest, or with another one, holds somebody's work and is never replaced.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sla_cli.annotation.eaf import ANNOTATOR, DIGEST, FILE_DIGEST, UNSEALED, digest_of
from sla_cli.annotation.eaf_document import Document, read_document
from sla_cli.annotation.eaf_read import tiers_of
from sla_cli.annotation.tier import DECISION, Tier
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, SlaError

# Attributes in a tier of sla, and those that other programs may add without anybody's work.
WRITTEN = {
    *("TIER_ID", "ANNOTATOR", "PARTICIPANT", "PARENT_REF", "LINGUISTIC_TYPE_REF", "DEFAULT_LOCALE"),
    *("ANNOTATION_ID", "ANNOTATION_REF", "PREVIOUS_ANNOTATION", "TIME_SLOT_REF1", "TIME_SLOT_REF2"),
}
REMARKS = (b"<!--", b"<?")  # comments and processing instructions; in texts and attributes `<` is `&lt;`
HINT = "Give the new glosses another file, or folder."


def corrected(document: Document, tiers: Iterable[Tier]) -> dict[str, str]:
    """The tiers that are not as sla wrote them, by name, each with the rest of a sentence that says why.

    ELAN may have saved the file in between: ids, order and spaces do not matter. A participant is somebody's work: sla
    knows none.

    Args:
        tiers: those of the document, from `tiers_of`.
    """
    properties = document.header.named("PROPERTY")
    digests = {one.attributes.get("NAME", ""): one.text.strip() for one in properties}
    nodes = {node.attributes.get("TIER_ID", ""): node for node in document.root.named("TIER")}
    found: dict[str, str] = {}
    for tier in tiers:
        node = nodes[tier.name]
        if tier.annotator != ANNOTATOR:
            decided = tier.name.endswith(DECISION)
            found[tier.name] = "has decisions of an annotator" if decided else "is not from sla"
        elif any(mark in document.data[node.start : node.end] for mark in REMARKS):
            found[tier.name] = "has a comment, which is not from sla,"
        elif tier.participant:
            found[tier.name] = f"has a participant, {tier.participant},"
        elif added := sorted({key for one in node.walk() for key in one.attributes} - WRITTEN):
            found[tier.name] = f"has {added[0]}, which is not from sla,"
        elif digests.get(DIGEST + tier.name) != digest_of(_intervals(tier)):
            found[tier.name] = "was corrected since sla wrote it,"
    return found


def check_uncorrected(document: Document, names: Iterable[str] | None = None, hint: str = HINT) -> None:
    """Raise SlaError if one of these tiers is not as sla wrote it; None means all tiers of the file.

    Of a tier that depends on another one of them, it names that one too, which is not replaced for this reason.
    """
    tiers = {tier.name: tier for tier in tiers_of(document)}
    wanted = [tiers[name] for name in (tiers if names is None else names)]
    there = {tier.name for tier in wanted}
    for name, fault in corrected(document, wanted).items():
        line = next(one.line for one in document.root.named("TIER") if one.attributes.get("TIER_ID") == name)
        parent = tiers[name].parent
        where = f"{document.name}, line {line}"
        if parent in there:
            raise SlaError(
                f"{where}: tier {parent} is not replaced: {name}, which depends on it, {fault}".rstrip(","), hint
            )
        raise SlaError(f"{where}: tier {name} {fault} and is not replaced", hint)


def is_uncorrected(path: Path) -> bool:
    """True for a file that is byte for byte as sla wrote it, False for one without tiers or not from ELAN.

    Everything in a file may be somebody's work: a vocabulary, a synchronised video, a comment. So one that another
    program has saved is not replaced, even if its annotations are the same.

    Raises:
        SlaError: an ELAN file that is not as sla wrote it; names the tier if tiers differ.
    """
    try:
        document = read_document(path)
    except FormatError:
        return False
    check_uncorrected(document)
    links = document.header.named("MEDIA_DESCRIPTOR")
    if len(links) > 1 or document.header.named("LINKED_FILE_DESCRIPTOR"):
        raise SlaError(f"{document.name} links files that sla did not link, and is not replaced", HINT)
    if not document.root.named("TIER"):
        return False  # a template, which is somebody's
    if not _is_sealed(path.read_bytes()):
        raise SlaError(f"{document.name} was changed since sla wrote it, and is not replaced", HINT)
    return True


def _is_sealed(content: bytes) -> bool:
    """Whether the digest of the whole file is that of its content."""
    before, found, after = content.rpartition(f'NAME="{FILE_DIGEST}">'.encode())
    digest, rest = after[: len(UNSEALED)], after[len(UNSEALED) :]
    return bool(found) and digest_bytes(before + found + UNSEALED.encode() + rest).encode() == digest


def _intervals(tier: Tier) -> list[tuple[int, int, str]]:
    return [(mark.start, mark.end, mark.text) for mark in tier.marks]
