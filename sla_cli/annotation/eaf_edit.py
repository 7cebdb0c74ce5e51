"""Adds glosses to an existing ELAN file. Everything from other programs stays unchanged, byte for byte."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from itertools import accumulate, groupby
from pathlib import Path
from urllib.parse import unquote

from sla_cli.annotation.eaf import (
    ASSOCIATION,
    DIGEST,
    LAST_ID,
    Built,
    TierPlan,
    build,
    constraint,
    digest_properties,
    linguistic_type,
    made_properties,
    plan_tiers,
    property_of,
    tells_of,
)
from sla_cli.annotation.eaf_document import Document, Edit, Node, parse_document, read_document
from sla_cli.annotation.eaf_own import check_uncorrected
from sla_cli.annotation.eaf_read import tiers_of
from sla_cli.annotation.layout import SENTENCE, Layout
from sla_cli.annotation.timed import TimedSentence, TimedSign, in_milliseconds
from sla_cli.artifact.edit_file import edit_file
from sla_cli.core.annotation import Annotation
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.system.atomic import atomic_write, refuse_read_only

NUMBER = r"\d{1,18}"  # digits of an id; a longer one is a name, and int() refuses very long ones
REFERENCES = {"ANNOTATION_REF", "PREVIOUS_ANNOTATION", "REF1", "REF2", "REFS"}  # attributes that name annotations


def add_to(existing: Path, annotation: Annotation, layout: Layout, out: Path | None, replace: bool) -> None:
    """Add the tiers of a layout to an ELAN file; the new file appears only when it is complete.

    If the file links the recording with an offset (TIME_ORIGIN), times are shifted to the timeline of the file.

    Args:
        existing: the file to add to.
        out: path of the result; None changes `existing` itself, which keeps its permissions.
        replace: whether a tier of this name that sla wrote is replaced, with the time slots that only it uses, and with
            its child tiers.

    Raises:
        SlaError: a tier of this name exists (with `replace`: one that sla did not write, or that others refer to),
            a gloss that XML cannot hold, or a file that cannot be read or written. Nothing is changed.
        FormatError: `existing` is not an ELAN file; names the line.
    """
    if out is None:
        edit_file(existing, lambda data: _added(parse_document(data, str(existing)), annotation, layout, replace))
    else:
        data = _added(read_document(existing), annotation, layout, replace)
        with atomic_write(out) as temporary:
            temporary.write_bytes(data)


def _added(document: Document, annotation: Annotation, layout: Layout, replace: bool) -> bytes:
    """The bytes of the file with the tiers of the annotation."""
    tiers_of(document)  # refuses a file that ELAN could not read
    sentences = _on_timeline(document, in_milliseconds(annotation), annotation.media)
    plans = [_with_free_type(document, plan) for plan in plan_tiers(sentences, layout)]
    old = _old_tiers(document, [plan.name for plan in plans], replace)
    built = build(plans, _last_number(document, "ts") + 1, _last_annotation(document) + 1)
    edits = [
        *_tier_edits(document, old, built),
        *_slot_edits(document, old, built),
        *_type_edits(document, plans),
        *_property_edits(document, annotation, layout.tier, plans, old, built),
    ]
    return document.edited(edits)


def check_can_add(existing: Path, layout: Layout, *, replace: bool) -> None:
    """Raise SlaError or FormatError if `add_to` would refuse, before anything is computed."""
    names = [plan.name for plan in plan_tiers([], layout)]
    document = read_document(existing)
    refuse_read_only(existing)
    tiers_of(document)
    _old_tiers(document, names, replace)


def _on_timeline(
    document: Document, sentences: Sequence[TimedSentence], media: Path | None
) -> tuple[TimedSentence, ...]:
    """Times of the recording as times of the file; what is before its zero point is left out, with a warning.

    ELAN plays an annotation at its time plus TIME_ORIGIN milliseconds of the recording, the offset of the file's zero
    point.

    Raises:
        FormatError: an offset that is not a whole number of milliseconds.
    """
    linked = document.header.named("MEDIA_DESCRIPTOR")
    found = [one for one in linked if media is not None and _links(one, media.name)]
    if linked and media is not None and not found:
        log.warning("%s has no link to %s: times are written as in the recording", document.name, media.name)
    origin = document.milliseconds(found[0], "TIME_ORIGIN") if found else 0
    if not origin:
        return tuple(sentences)
    moved = [tuple(_moved(sign, origin) for sign in sentence if sign.end > origin) for sentence in sentences]
    before = sum(sign.start < origin for sentence in sentences for sign in sentence)
    if before:
        log.warning(
            "%s begins %.3f s into %s: %s before that, shortened or left out",
            document.name, origin / 1000, media.name if media else "",
            counted(before, "sign begins", "signs begin"),
        )  # fmt: skip
    return tuple(sentence for sentence in moved if sentence)


def _moved(sign: TimedSign, origin: int) -> TimedSign:
    return changed(sign, start=max(sign.start - origin, 0), end=sign.end - origin)


def _links(descriptor: Node, name: str) -> bool:
    """Whether a link names this file; macOS stores letters with accents decomposed."""
    urls = [descriptor.attributes.get(key, "") for key in ("MEDIA_URL", "RELATIVE_MEDIA_URL")]
    names = {form.replace("\\", "/").rpartition("/")[2] for url in urls for form in (url, unquote(url))}
    return unicodedata.normalize("NFC", name) in {unicodedata.normalize("NFC", one) for one in names}


def _tier_edits(document: Document, old: Sequence[Node], built: Built) -> Iterator[Edit]:
    """New tiers are put where the old ones were, else after the last tier."""
    yield document.inserted_after(old[0] if old else document.place_for("TIER"), built.tiers)
    yield from map(document.removed, old)


def _old_tiers(document: Document, names: Sequence[str], replace: bool) -> list[Node]:
    """The tiers that are replaced by new ones with these names, in order of the file."""
    tiers = document.root.named("TIER")
    old = [tier for tier in tiers if tier.attributes.get("TIER_ID") in names]
    if old and not replace:
        raise SlaError(
            f"{document.name} already has a tier {_name(old[0])}", f"{_other(old[0])} --force replaces tiers of sla."
        )
    children, seen = defaultdict(list), set(map(id, old))
    for one in tiers:
        children[one.attributes.get("PARENT_REF")].append(one)
    for tier in old:  # grows by child tiers, and their child tiers
        new = [one for one in children[_name(tier)] if id(one) not in seen]
        seen |= set(map(id, new))
        old += new
    if old:
        check_uncorrected(document, map(_name, old))
    _check_unreferred(document, old)
    return sorted(old, key=lambda tier: tier.start)


def _check_unreferred(document: Document, old: Sequence[Node]) -> None:
    """Raise SlaError if something that stays refers to an annotation that is removed."""
    going = {node.attributes.get("ANNOTATION_ID") for tier in old for node in tier.walk()}
    for child in document.root.children if old else ():
        for node in () if child in old else child.walk():
            for key in REFERENCES & node.attributes.keys():
                if not going.isdisjoint(node.attributes[key].split()):
                    raise SlaError(
                        f"{document.name}, line {node.line}: refers to an annotation of tier {_name(old[0])}",
                        _other(old[0]),
                    )


def _other(tier: Node) -> str:
    return "Leave out --sentences." if _name(tier) == SENTENCE else "Name the new tier with --tier."


def _slot_edits(document: Document, old: Sequence[Node], built: Built) -> Iterator[Edit]:
    """Put each new slot after the last one that is not later; slots without a value are not moved."""
    slots = document.time_order.children
    valued = [slot for slot in slots if "TIME_VALUE" in slot.attributes]
    latest = list(accumulate((document.milliseconds(slot, "TIME_VALUE") for slot in valued), max))
    for place, group in groupby(built.slots, key=lambda pair: bisect_right(latest, pair[0])):
        elements = [element for _, element in group]
        if place:
            yield document.inserted_after(valued[place - 1], elements)
        elif slots:
            yield document.inserted_before(slots[0], elements)
        else:
            yield document.inserted_into(document.time_order, elements)
    unused = _slots_of(old) - _slots_of([tier for tier in document.root.named("TIER") if tier not in old])
    yield from (document.removed(slot) for slot in slots if slot.attributes.get("TIME_SLOT_ID") in unused)


def _slots_of(tiers: Sequence[Node]) -> set[str]:
    """Ids of the time slots that annotations of these tiers refer to."""
    keys = ("TIME_SLOT_REF1", "TIME_SLOT_REF2")
    return {node.attributes[key] for tier in tiers for node in tier.walk() for key in keys if key in node.attributes}


def _type_edits(document: Document, plans: Sequence[TierPlan]) -> Iterator[Edit]:
    known = _types(document)
    new = [linguistic_type(plan) for plan in plans if plan.type_id not in known]
    if new:
        yield document.inserted_after(document.place_for("LINGUISTIC_TYPE"), new)
    stereotypes = [one.attributes.get("STEREOTYPE") for one in document.root.named("CONSTRAINT")]
    if any(plan.parent for plan in plans) and ASSOCIATION not in stereotypes:
        yield document.inserted_after(document.place_for("CONSTRAINT"), [constraint(ASSOCIATION)])


def _with_free_type(document: Document, plan: TierPlan) -> TierPlan:
    """The tier with a linguistic type that fits, or with a new one whose name the file does not use."""
    known, number, name = _types(document), 1, plan.type_id
    while name in known and not _fits(known[name], plan):
        number += 1
        name = f"{plan.type_id}-{number}"
    return changed(plan, type_id=name)


def _types(document: Document) -> dict[str, Node]:
    return {one.attributes.get("LINGUISTIC_TYPE_ID", ""): one for one in document.root.named("LINGUISTIC_TYPE")}


def _fits(node: Node, plan: TierPlan) -> bool:
    """Whether a type has the same constraint, and no controlled vocabulary that would restrict the glosses."""
    wanted, found = plan.type_attributes, node.attributes
    same = all(found.get(key) == wanted.get(key) for key in ("TIME_ALIGNABLE", "CONSTRAINTS"))
    return same and "CONTROLLED_VOCABULARY_REF" not in found


def _property_edits(
    document: Document, annotation: Annotation, tier: str, plans: Sequence[TierPlan], old: Sequence[Node], built: Built
) -> Iterator[Edit]:
    """Update the last used id, and replace how older tiers were made, and their digests, by those of the new ones."""
    last = property_of(LAST_ID, str(built.last_annotation))
    new = [*made_properties(annotation.made, tier), *digest_properties(plans)]
    gone = {DIGEST + name for name in (*map(_name, old), *(plan.name for plan in plans))}
    found = document.header.named("PROPERTY")
    before = [one for one in found if one.attributes.get("NAME") == LAST_ID]
    if before:
        yield document.replaced(before[0], last)
    else:
        new = [last, *new]
    if new:
        yield document.inserted_into(document.header, new)
    for one in found:
        name = one.attributes.get("NAME", "")
        if tells_of(name, tier) or name in gone:
            yield document.removed(one)


def _last_number(document: Document, prefix: str) -> int:
    """The greatest number of an id with this prefix: in XML all kinds of elements share the same ids."""
    pattern = re.compile(rf"{prefix}({NUMBER})")
    values = (value for node in document.root.walk() for value in node.attributes.values())
    return max((int(found[1]) for found in map(pattern.fullmatch, values) if found), default=0)


def _last_annotation(document: Document) -> int:
    texts = (one.text.strip() for one in document.header.named("PROPERTY") if one.attributes.get("NAME") == LAST_ID)
    return max([_last_number(document, "a"), *(int(text) for text in texts if re.fullmatch(NUMBER, text))])


def _name(tier: Node) -> str:
    return tier.attributes.get("TIER_ID", "")
