"""What is around the tiers of an existing ELAN file, for those who change it: slots, ids, types and properties."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace as changed
from itertools import accumulate, groupby
from xml.etree import ElementTree as ET

from sla_cli.annotation.eaf import ASSOCIATION, LAST_ID, TierPlan, constraint, linguistic_type, property_of
from sla_cli.annotation.eaf_document import Document, Edit, Node, parse_document
from sla_cli.annotation.eaf_read import tiers_of
from sla_cli.annotation.eaf_times import UNSET
from sla_cli.annotation.tier import Tier
from sla_cli.annotation.timed import Interval
from sla_cli.errors import FormatError, SlaError

NUMBER = r"\d{1,18}"  # digits of an id; a longer one is a name, and int() refuses very long ones
SLOTS = ("TIME_SLOT_REF1", "TIME_SLOT_REF2")  # attributes of an annotation that name its slots
REFERENCES = {"ANNOTATION_REF", "PREVIOUS_ANNOTATION", "REF1", "REF2", "REFS"}  # attributes that name annotations


def slots_inserted(document: Document, new: Iterable[tuple[int, ET.Element]]) -> Iterator[Edit]:
    """Put each new slot after the last one that is not later; slots without a value are not moved.

    Args:
        new: milliseconds and element, in order of time.
    """
    slots = document.time_order.children
    valued = [slot for slot in slots if "TIME_VALUE" in slot.attributes]
    latest = list(accumulate((document.milliseconds(slot, "TIME_VALUE") for slot in valued), max))
    for place, group in groupby(new, key=lambda pair: bisect_right(latest, pair[0])):
        elements = [element for _, element in group]
        if place:
            yield document.inserted_after(valued[place - 1], elements)
        elif slots:
            yield document.inserted_before(slots[0], elements)
        else:
            yield document.inserted_into(document.time_order, elements)


def check_times(
    document: Document, known: Iterable[Tier], edits: Sequence[Edit], changed: Mapping[str, Interval]
) -> None:
    """Raise SlaError if the edited file could not be read, or an annotation that stays would have other times.

    A time slot without a value lies between its neighbours, so it moves with what is put between or taken away.

    Args:
        known: the tiers of the document, from `tiers_of`.
        changed: annotations with times of their own that are meant to be different, by their ids.
    """
    try:
        tiers = tiers_of(parse_document(document.edited(edits), document.name))
    except FormatError as error:
        message = f"{document.name} is not changed: the new file could not be read ({error.message})"
        raise SlaError(message, error.hint) from error
    after = {mark.id: mark for tier in tiers for mark in tier.marks}
    there = {mark.id: Interval(*mark[:3]) for tier in known for mark in tier.marks if not mark.parent}
    for name, (start, end, text) in (there | dict(changed)).items():
        if name in after and after[name][:2] != (start, end):
            moved = f"{text or name} from {start}-{end} to {after[name].start}-{after[name].end} ms"
            raise SlaError(f"{document.name}: this would move {moved}: one of its time slots has no value", UNSET)


def check_unreferred(document: Document, gone: Mapping[str, str], hint: str) -> None:
    """Raise SlaError if something that stays refers to an annotation that is removed.

    Args:
        gone: ids of the annotations that are removed, each with the name of its tier.
    """
    for node in document.root.walk() if gone else ():
        if node.attributes.get("ANNOTATION_ID") in gone:
            continue
        for ref in (ref for key in REFERENCES & node.attributes.keys() for ref in node.attributes[key].split()):
            if ref in gone:
                where = f"{document.name}, line {node.line}"
                raise SlaError(f"{where}: something else refers to an annotation of tier {gone[ref]}", hint)


def last_slot(document: Document) -> int:
    """The greatest number in the id of a time slot, 0 if there is none."""
    return _last_number(document, b"ts")


def last_annotation(document: Document) -> int:
    """The greatest number in the id of an annotation that is or was in the file, 0 if there is none."""
    texts = (one.text.strip() for one in document.header.named("PROPERTY") if one.attributes.get("NAME") == LAST_ID)
    return max([_last_number(document, b"a"), *(int(text) for text in texts if re.fullmatch(NUMBER, text))])


def _last_number(document: Document, prefix: bytes) -> int:
    """The greatest number of an id with this prefix: in XML all kinds of elements share the same ids."""
    found = re.findall(rb"""=\s*["']%b(%b)["']""" % (prefix, NUMBER.encode()), document.data)
    return max(map(int, found), default=0)


def type_edits(document: Document, plans: Sequence[TierPlan]) -> Iterator[Edit]:
    """The linguistic types of new tiers, and the constraint that they need."""
    known = _types(document)
    new = [
        linguistic_type(plan) for plan in {plan.type_id: plan for plan in plans if plan.type_id not in known}.values()
    ]
    if new:
        yield document.inserted_after(document.place_for("LINGUISTIC_TYPE"), new)
    stereotypes = [one.attributes.get("STEREOTYPE") for one in document.root.named("CONSTRAINT")]
    if any(plan.parent for plan in plans) and ASSOCIATION not in stereotypes:
        yield document.inserted_after(document.place_for("CONSTRAINT"), [constraint(ASSOCIATION)])


def with_free_type(document: Document, plan: TierPlan) -> TierPlan:
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


def properties_set(document: Document, values: Mapping[str, str], others: Sequence[ET.Element] = ()) -> Iterator[Edit]:
    """Give properties of the header these values, and add other ones."""
    first: dict[str, Node] = {}
    for one in document.header.named("PROPERTY"):
        first.setdefault(one.attributes.get("NAME", ""), one)
    new = [property_of(name, value) for name, value in values.items() if name not in first]
    yield from (
        document.replaced(first[name], property_of(name, value)) for name, value in values.items() if name in first
    )
    if new or others:
        yield document.inserted_into(document.header, [*new, *others])
