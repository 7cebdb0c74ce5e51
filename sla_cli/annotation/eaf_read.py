"""Reads ELAN files: all tiers with the times and texts of their annotations, and the linked recordings.

https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

from collections.abc import Mapping

from sla_cli.annotation.eaf_document import HINT, LARGE, LATE, Document, Node, parse_document
from sla_cli.annotation.eaf_times import RawTier, spans
from sla_cli.annotation.tier import AnnotationFile, Mark, MediaLink, Tier
from sla_cli.errors import FormatError

SUFFIX = ".eaf"
SOUNDS = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".aif", ".aiff")
EARLIEST = -(10**11)  # milliseconds of a recording at which a timeline may begin; with more, times have too many digits
MOST_TIERS = 5000  # a template has about a hundred
KINDS = ("ALIGNABLE_ANNOTATION", "REF_ANNOTATION")
Vocabulary = Mapping[str, Mapping[str, str]]  # id of an entry to its value by language


def read_eaf(data: bytes, name: str) -> AnnotationFile:
    """The content of an ELAN file.

    Args:
        name: name of the file for messages.

    Raises:
        FormatError: it is not an ELAN file, or contradicts itself; names file, line and tier.
    """
    document = parse_document(data, name)
    links = links_of(document)
    return AnnotationFile(tiers_of(document), links)


def links_of(document: Document) -> list[MediaLink]:
    """All links to recordings. Raises FormatError for an offset that no recording can have."""
    return [_link(document, one) for one in document.header.named("MEDIA_DESCRIPTOR")]


def tiers_of(document: Document) -> list[Tier]:
    """All tiers of a file, in its order. Raises FormatError as `read_eaf` does."""
    types = {one.attributes.get("LINGUISTIC_TYPE_ID", ""): one for one in document.root.named("LINGUISTIC_TYPE")}
    raw = _raw_tiers(document, types)
    times = spans(document, _parents_first(document, raw))
    # Values of vocabularies in other files are written into the annotations by ELAN.
    listed = document.root.named("CONTROLLED_VOCABULARY")
    vocabularies = {one.attributes.get("CV_ID", ""): _entries(one) for one in listed}
    return [_tier(tier, types, vocabularies, times) for tier in raw.values()]


def _raw_tiers(document: Document, types: Mapping[str, Node]) -> dict[str, RawTier]:
    tiers: dict[str, RawTier] = {}
    for node in document.root.named("TIER"):
        name = node.attributes.get("TIER_ID", "")
        if not name or name in tiers:
            fault = f"a second tier {name[:80]!r}" if name else "a tier without a name"
            raise FormatError(f"{document.name}, line {node.line}: {fault}", HINT)
        if len(tiers) == MOST_TIERS:
            raise FormatError(f"{document.name}, line {node.line}: more than {MOST_TIERS} tiers", LARGE)
        kind = types.get(node.attributes.get("LINGUISTIC_TYPE_REF", ""))
        constraint = kind.attributes.get("CONSTRAINTS", "") if kind else ""
        annotations = [one for holder in node.named("ANNOTATION") for one in holder.children if one.tag in KINDS]
        tiers[name] = RawTier(name, node.attributes.get("PARENT_REF", ""), constraint, node, annotations)
    return tiers


def _parents_first(document: Document, tiers: Mapping[str, RawTier]) -> list[RawTier]:
    """All tiers, each after its parent. Raises FormatError if a parent is missing, or tiers form a circle."""
    children: dict[str, list[RawTier]] = {}
    for tier in tiers.values():
        if tier.parent and tier.parent not in tiers:
            where = f"{document.name}, line {tier.node.line}"
            raise FormatError(f"{where}: the parent {tier.parent[:80]!r} of tier {tier.name[:80]} does not exist", HINT)
        children.setdefault(tier.parent, []).append(tier)
    ordered = list(children.get("", ()))
    for tier in ordered:  # grows by child tiers, and their child tiers
        ordered += children.get(tier.name, ())
    if len(ordered) < len(tiers):
        reached = {tier.name for tier in ordered}
        lost = next(tier for tier in tiers.values() if tier.name not in reached)
        where = f"{document.name}, line {lost.node.line}"
        raise FormatError(f"{where}: tier {lost.name[:80]} is its own ancestor", HINT)
    return ordered


def _tier(
    tier: RawTier,
    types: Mapping[str, Node],
    vocabularies: Mapping[str, Vocabulary],
    times: Mapping[str, tuple[int, int]],
) -> Tier:
    given = tier.node.attributes
    name = given.get("LINGUISTIC_TYPE_REF", "")
    chosen = types[name].attributes.get("CONTROLLED_VOCABULARY_REF", "") if name in types else ""
    vocabulary, language = vocabularies.get(chosen, {}), given.get("LANG_REF", "")
    marks = [
        Mark(*times[own], _text(one, vocabulary, language), one.line, own, one.attributes.get("ANNOTATION_REF", ""))
        for one in tier.annotations
        for own in [one.attributes["ANNOTATION_ID"]]
    ]
    participant, annotator = given.get("PARTICIPANT", "").strip(), given.get("ANNOTATOR", "").strip()
    return Tier(tier.name, marks, name, tier.constraint, tier.parent, participant, annotator)


def _text(annotation: Node, vocabulary: Vocabulary, language: str) -> str:
    """The value, or the value of the vocabulary entry that it names, in the tier's language if there is one."""
    text = " ".join("".join(value.text for value in annotation.named("ANNOTATION_VALUE")).split())
    if text:
        return text
    values = vocabulary.get(annotation.attributes.get("CVE_REF", ""), {})
    return values.get(language) or next(filter(None, values.values()), "")


def _entries(vocabulary: Node) -> Vocabulary:
    """Older files have entries of one language, without ids: pympi and ELAN number them when they convert them."""
    entries = {}
    for place, old in enumerate(vocabulary.named("CV_ENTRY")):
        entries[old.attributes.get("CVE_ID", f"cveid{place}")] = {"": " ".join(old.text.split())}
    for entry in vocabulary.named("CV_ENTRY_ML"):
        values = {one.attributes.get("LANG_REF", ""): " ".join(one.text.split()) for one in entry.named("CVE_VALUE")}
        entries[entry.attributes.get("CVE_ID", "")] = values
    return entries


def _link(document: Document, descriptor: Node) -> MediaLink:
    given = descriptor.attributes
    relative, absolute = given.get("RELATIVE_MEDIA_URL", ""), given.get("MEDIA_URL", "")
    sound = given.get("MIME_TYPE", "").startswith("audio/") or (relative or absolute).lower().endswith(SOUNDS)
    origin = document.milliseconds(descriptor, "TIME_ORIGIN")
    if origin < EARLIEST:
        raise FormatError(f"{document.name}, line {descriptor.line}: TIME_ORIGIN is {origin} ms", LATE)
    return MediaLink(relative, absolute, sound, origin)
