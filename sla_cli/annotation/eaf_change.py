"""Changes single annotations of an existing ELAN file. Everything else stays unchanged, byte for byte."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from xml.etree import ElementTree as ET

from sla_cli.annotation.eaf import LAST_ID, TierPlan, annotation_element, build
from sla_cli.annotation.eaf_document import Document, Edit, Node
from sla_cli.annotation.eaf_parts import (
    SLOTS,
    check_times,
    check_unreferred,
    last_annotation,
    last_slot,
    properties_set,
    slots_inserted,
    type_edits,
    with_free_type,
)
from sla_cli.annotation.eaf_read import KINDS
from sla_cli.annotation.tier import Mark, Tier, by_look, plain
from sla_cli.annotation.timed import NOT_XML, Interval
from sla_cli.errors import SlaError

LATEST = 10**9  # milliseconds, eleven days


@dataclass(frozen=True)
class TierChange:
    """What becomes of annotations of one tier.

    Attributes:
        plan: the tier, with which it is made if the file lacks it; it has no intervals.
        put: annotations by their ids; those that the file lacks are new. On a tier with a parent, times have no effect.
        parents: on a tier with a parent, the id of the annotation that each new one refers to.
        gone: ids of annotations that are removed.
        participant: who signs, from now on; "" changes nothing. With it, the tier is made also without annotations.
    """

    plan: TierPlan
    put: Mapping[str, Interval]
    parents: Mapping[str, str]
    gone: frozenset[str] = frozenset()
    participant: str = ""


def new_ids(document: Document) -> Iterator[str]:
    """Ids that no annotation of the file has or had."""
    # An id may be written so that no search in the bytes finds it: `a&#49;`.
    there = {node.attributes.get("ANNOTATION_ID") for node in document.root.walk()}
    return (name for number in count(last_annotation(document) + 1) if (name := f"a{number}") not in there)


def change_edits(
    document: Document,
    known: Iterable[Tier],
    changes: Sequence[TierChange],
    properties: Mapping[str, str] | None = None,
) -> list[Edit]:
    """The edits that make these changes, and give properties of the header these values.

    A time slot that only a changed annotation uses is moved; one that others use stays, and a new one is made.

    Args:
        known: the tiers of the document, from `tiers_of`.
        changes: each tier once, a parent before its child; a name means the tier whose name looks the same.

    Raises:
        FormatError: two tiers look like one that is changed.
        SlaError: a tier that has not the wanted kind; times that are no interval or overlap another annotation of the
            tier; a text that XML cannot hold; or something that stays depends on an annotation that is removed or
            moved.
    """
    tiers = {tier.name: tier for tier in known}
    nodes = {node.attributes.get("TIER_ID", ""): node for node in document.root.named("TIER")}
    used = {plain(one) for change in changes for one in (change.plan.name, change.plan.parent)}
    written = by_look(nodes, used, document.name)
    changes = [replace(change, plan=_as_written(change.plan, written)) for change in changes]
    for change in changes:
        _check_tier(document, change.plan, tiers)
        _check_texts(change)
        if not change.plan.parent:
            marks = {mark.id: mark for mark in tiers[change.plan.name].marks} if change.plan.name in tiers else {}
            _check_times(document, change, marks)
            _check_dependents(document, change, marks, tiers)
    gone = {name: change.plan.name for change in changes for name in change.gone}
    check_unreferred(document, gone, "Delete that in ELAN first; other tiers are not changed here.")
    slots = _Slots(document)
    edits: list[Edit] = []
    made: list[ET.Element] = []
    plans: list[TierPlan] = []
    for change in changes:
        if change.plan.name in nodes:
            edits += _tier_edits(document, change, tiers[change.plan.name], nodes[change.plan.name], slots)
        elif change.put or change.participant:
            plans.append(with_free_type(document, change.plan))
            [tier] = build([plans[-1]]).tiers
            tier.extend(_element(name, change, slots) for name in _in_order(change.put))
            made.append(tier)
    if made:
        edits.append(document.inserted_after(document.place_for("TIER"), made))
    values = dict(properties or {})
    there = {mark.id for change in changes if change.plan.name in tiers for mark in tiers[change.plan.name].marks}
    if new := {name for change in changes for name in change.put} - there:
        values[LAST_ID] = max((name[1:] for name in new), key=int)
    edits += [*slots.edits(), *type_edits(document, plans), *properties_set(document, values)]
    if any(
        "TIME_VALUE" not in slot.attributes for slot in document.time_order.children
    ):  # else no time depends on others
        aligned = (change.put for change in changes if not change.plan.parent)
        check_times(document, tiers.values(), edits, {name: one for put in aligned for name, one in put.items()})
    return edits


def _as_written(plan: TierPlan, names: Mapping[str, str]) -> TierPlan:
    """With the name and the parent as the file writes them."""
    name, parent = (names.get(plain(one), one) for one in (plan.name, plan.parent))
    return replace(plan, name=name, parent=parent)


def reversed_edits(document: Document, edits: Sequence[Edit]) -> list[Edit]:
    """The edits of the changed file that give this one again."""
    back, moved = [], 0
    for start, end, data in sorted(edits, key=lambda edit: edit[:2]):
        back.append(Edit(start + moved, start + moved + len(data), document.data[start:end]))
        moved += len(data) - (end - start)
    return back


def _in_order(put: Mapping[str, Interval]) -> list[str]:
    return sorted(put, key=lambda name: put[name][:2])


def _check_tier(document: Document, plan: TierPlan, tiers: Mapping[str, Tier]) -> None:
    found = tiers.get(plan.name)
    if found is None:
        return
    if found.parent != plan.parent or found.constraint != plan.type_attributes.get("CONSTRAINTS", ""):
        fault = f"has not an annotation for each one of tier {plan.parent}"
        if not plan.parent:
            fault = f"depends on tier {found.parent}" if found.parent else "has not times of its own"
        raise SlaError(f"{document.name}: tier {plan.name} {fault}", "Name another tier.")


def _check_texts(change: TierChange) -> None:
    for text in (*(interval.text for interval in change.put.values()), change.participant):
        if wrong := NOT_XML.search(text):
            raise SlaError(f"{text!r} holds the control character {wrong[0]!r}", "Type it without.")


def _check_times(document: Document, change: TierChange, marks: Mapping[str, Mark]) -> None:
    """Raise SlaError for times that are no interval, or in which another annotation of the tier lies."""
    after = {name: Interval(*mark[:3]) for name, mark in marks.items() if name not in change.gone} | dict(change.put)
    for name, interval in change.put.items():
        if not 0 <= interval.start < interval.end <= LATEST:
            raise SlaError(
                f"{interval.text or 'it'} would last from {interval.start} to {interval.end} ms", "Move it less."
            )
        if name not in marks or (marks[name].start, marks[name].end) != interval[:2]:
            _check_free(document, change.plan.name, name, after)


def _check_free(document: Document, tier: str, name: str, after: Mapping[str, Interval]) -> None:
    start, end, text = after[name]
    for other, interval in after.items():
        if other != name and interval.start < end and start < interval.end:
            where = f"{interval.text or 'one without text'} from {interval.start} to {interval.end} ms"
            raise SlaError(f"{text or 'it'} would overlap {where} on tier {tier}", "Move or delete that one first.")


def _check_dependents(
    document: Document, change: TierChange, marks: Mapping[str, Mark], tiers: Mapping[str, Tier]
) -> None:
    """Raise SlaError if annotations with own times lie within one that is moved or removed."""
    moved = [
        mark
        for name, mark in marks.items()
        if name in change.gone or (name in change.put and change.put[name][:2] != (mark.start, mark.end))
    ]
    for child in tiers.values():
        for inner in child.marks if moved and child.parent == change.plan.name else ():
            for mark in moved if not inner.parent else ():
                if inner.start < mark.end and mark.start < inner.end:
                    where = f"{document.name}, line {inner.line}"
                    message = f"{where}: an annotation of tier {child.name} lies within {mark.text or 'it'}"
                    raise SlaError(message, "Move or delete it in ELAN.")


class _Slots:
    """The time slots of a file while annotations change: which are moved, new, or used no more."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = {slot.attributes.get("TIME_SLOT_ID", ""): slot for slot in document.time_order.children}
        tiers = document.root.named("TIER")
        found = (one.attributes for tier in tiers for holder in tier.children for one in holder.children)
        self._uses = Counter(given[key] for given in found for key in SLOTS if key in given)
        self._numbers = count(last_slot(document) + 1)
        self._new: list[tuple[int, str]] = []
        self._gone: set[str] = set()

    def new(self, time: int) -> str:
        """The id of a new slot."""
        name = f"ts{next(self._numbers)}"
        self._new.append((time, name))
        return name

    def moved(self, name: str, time: int) -> str:
        """The id of the slot with this time, for an annotation that has used slot `name`."""
        if self._uses[name] > 1:
            self._uses[name] -= 1
            return self.new(time)
        self._gone.add(name)
        self._new.append((time, name))
        return name

    def free(self, name: str) -> None:
        """An annotation uses the slot no more."""
        self._uses[name] -= 1
        if not self._uses[name]:
            self._gone.add(name)

    def edits(self) -> Iterator[Edit]:
        new = [
            (time, ET.Element("TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(time))) for time, name in sorted(self._new)
        ]
        yield from slots_inserted(self._document, new)
        yield from (self._document.removed(self._nodes[name]) for name in self._gone)


def _tier_edits(document: Document, change: TierChange, tier: Tier, node: Node, slots: _Slots) -> Iterator[Edit]:
    """The edits of a tier that is there. New annotations come after the last one that does not begin later."""
    if change.participant not in ("", tier.participant):
        yield document.with_attribute(node, "PARTICIPANT", change.participant)
    holders = {one.attributes.get("ANNOTATION_ID", ""): holder for holder in node.children for one in holder.children}
    marks = {mark.id: mark for mark in tier.marks}
    for name in change.gone & holders.keys():
        yield document.removed(holders[name])
        for key, ref in _annotation(holders[name]).attributes.items():
            if key in SLOTS:
                slots.free(ref)
    for name in change.put.keys() & holders.keys():
        yield from _changed(document, _annotation(holders[name]), marks[name], change.put[name], slots)
    order = sorted(holders, key=lambda name: (marks[name].start, holders[name].end))
    starts = [marks[name].start for name in order]
    after: dict[int, list[ET.Element]] = {}
    for name in _in_order({name: one for name, one in change.put.items() if name not in holders}):
        place = len(order) if change.plan.parent else bisect_right(starts, change.put[name].start)
        after.setdefault(place, []).append(_element(name, change, slots))
    for place, elements in after.items():
        if place:
            yield document.inserted_after(holders[order[place - 1]], elements)
        elif order:
            yield document.inserted_before(holders[order[0]], elements)
        else:
            yield document.inserted_into(node, elements)


def _annotation(holder: Node) -> Node:
    return next(one for one in holder.children if one.tag in KINDS)


def _changed(document: Document, node: Node, mark: Mark, wanted: Interval, slots: _Slots) -> Iterator[Edit]:
    """The edits of an annotation that is there. An entry of a vocabulary that it names would replace a new text."""
    if wanted.text != mark.text:
        value = ET.Element("ANNOTATION_VALUE")
        value.text = wanted.text
        old = node.named("ANNOTATION_VALUE")
        yield document.replaced(old[0], value) if old else document.inserted_into(node, [value])
        if "CVE_REF" in node.attributes:
            yield document.with_attribute(node, "CVE_REF", None)
    if not mark.parent:
        for key, before, after in zip(SLOTS, (mark.start, mark.end), wanted[:2], strict=True):
            ref = node.attributes[key]
            if before != after and (name := slots.moved(ref, after)) != ref:
                yield document.with_attribute(node, key, name)


def _element(name: str, change: TierChange, slots: _Slots) -> ET.Element:
    wanted = change.put[name]
    if change.plan.parent:
        return annotation_element(name, wanted.text, {"ANNOTATION_REF": change.parents[name]})
    refs = map(slots.new, wanted[:2])
    return annotation_element(name, wanted.text, dict(zip(SLOTS, refs, strict=True)))
