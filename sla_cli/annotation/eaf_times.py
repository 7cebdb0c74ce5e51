"""The times of annotations in an ELAN file, also of time slots without a value and of annotations with a parent's time.

An annotation that refers to time slots has their times. Slots without a value are spaced evenly between their
neighbours in the run of annotations that share slots on a tier, or else in the file's order of slots. An annotation
that refers to another has its time; those of a Symbolic_Subdivision divide it evenly, in the order of
PREVIOUS_ANNOTATION.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sla_cli.annotation.eaf_document import HINT, Document, Node
from sla_cli.errors import FormatError

UNSET = "Give the annotations around it times in ELAN (Annotation > Modify Annotation Time), and save."
SUBDIVISION = "Symbolic_Subdivision"  # constraint of a tier whose annotations divide their parent's time evenly
Span = tuple[int, int]


@dataclass(frozen=True)
class RawTier:
    """A tier as in the file: its annotations are the elements inside ANNOTATION."""

    name: str
    parent: str
    constraint: str
    node: Node
    annotations: Sequence[Node]

    @property
    def aligned(self) -> list[Node]:
        return [one for one in self.annotations if one.tag == "ALIGNABLE_ANNOTATION"]


def spans(document: Document, tiers: Sequence[RawTier]) -> dict[str, Span]:
    """Start and end in milliseconds of each annotation, by its id.

    Args:
        tiers: each after its parent.

    Raises:
        FormatError: a slot or annotation that is missing or occurs twice, annotations that refer to each other in a
            circle, an end before its start; names file, line and tier.
    """
    slots = _slot_times(document, tiers)
    found: dict[str, Span] = {}
    for tier in tiers:
        for node in tier.aligned:
            start, end = (slots[ref] for ref in _slots_of(document, tier, node))
            if end < start:
                raise _fault(document, node, tier, f"ends at {end} ms, before its start at {start} ms")
            found[_own_id(document, tier, node, found)] = start, end
        for place, count, node in _referring(document, tier):
            parent = found.get(node.attributes.get("ANNOTATION_REF", ""))
            if parent is None:
                parent_id = node.attributes.get("ANNOTATION_REF")
                what = f"refers to {parent_id!r}, which is not an annotation of a tier above it"
                raise _fault(document, node, tier, what)
            found[_own_id(document, tier, node, found)] = part(parent, place, count)
    return found


def part(whole: Span, place: int, count: int) -> Span:
    """One of `count` even parts of a span, numbered from 0."""
    start, length = whole[0], whole[1] - whole[0]
    return start + length * place // count, start + length * (place + 1) // count


def _own_id(document: Document, tier: RawTier, node: Node, found: Mapping[str, Span]) -> str:
    name = node.attributes.get("ANNOTATION_ID", "")
    if not name or name in found:
        raise _fault(document, node, tier, f"has the id {name!r} of another annotation" if name else "has no id")
    return name


def _referring(document: Document, tier: RawTier) -> Iterator[tuple[int, int, Node]]:
    """Each annotation that refers to another, with its index among those that divide the same one, and their number."""
    siblings: dict[str, list[Node]] = {}
    for node in tier.annotations:
        if node.tag == "REF_ANNOTATION":
            siblings.setdefault(node.attributes.get("ANNOTATION_REF", ""), []).append(node)
    for nodes in siblings.values():
        if tier.constraint == SUBDIVISION:
            yield from ((place, len(nodes), node) for place, node in enumerate(_ordered(document, tier, nodes)))
        else:
            yield from ((0, 1, node) for node in nodes)


def _ordered(document: Document, tier: RawTier, siblings: Sequence[Node]) -> Sequence[Node]:
    """In order: each after the annotation that it names as the previous one."""
    after: dict[str, list[Node]] = {}
    for node in siblings:
        after.setdefault(node.attributes.get("PREVIOUS_ANNOTATION", ""), []).append(node)
    ordered: list[Node] = []
    waiting = after.pop("", [])[::-1]
    while waiting:
        ordered.append(node := waiting.pop())
        waiting += after.pop(node.attributes.get("ANNOTATION_ID", ""), [])[::-1]
    if after:
        previous, (node, *_) = next(iter(after.items()))
        raise _fault(document, node, tier, f"comes after {previous!r}, which does not exist or comes after itself")
    return ordered


def _slot_times(document: Document, tiers: Sequence[RawTier]) -> dict[str, int]:
    """The time of each slot that annotations refer to."""
    times: dict[str, int | None] = {}
    for slot in document.time_order.named("TIME_SLOT"):
        name = slot.attributes.get("TIME_SLOT_ID", "")
        if name in times:
            raise FormatError(f"{document.name}, line {slot.line}: a second time slot {name!r}", HINT)
        times[name] = document.milliseconds(slot, "TIME_VALUE") if "TIME_VALUE" in slot.attributes else None
    for tier in tiers:
        for node in tier.aligned:
            for ref in _slots_of(document, tier, node):
                if ref not in times:
                    raise _fault(document, node, tier, f"refers to the time slot {ref!r}, which does not exist")
    for tier in tiers:
        for chain in _chains(document, tier):
            _interpolate(times, chain)
    _interpolate(times, list(times))
    for tier in tiers:
        for node in tier.aligned:
            if any(times[ref] is None for ref in _slots_of(document, tier, node)):
                raise _fault(document, node, tier, "has no time, and no slots around it have times", UNSET)
    return {name: time for name, time in times.items() if time is not None}


def _chains(document: Document, tier: RawTier) -> Iterator[list[str]]:
    """The slots of consecutive annotations, each of which begins where the previous one ends."""
    following = dict(_slots_of(document, tier, node) for node in tier.aligned)
    ends = set(following.values())
    for start in [start for start in following if start not in ends]:
        chain = [start]
        while chain[-1] in following:
            chain.append(following.pop(chain[-1]))
        yield chain


def _interpolate(times: dict[str, int | None], slots: Sequence[str]) -> None:
    """Give the slots without a time one that is between those of their neighbours in the sequence."""
    known = [(place, time) for place, slot in enumerate(slots) if (time := times[slot]) is not None]
    for (first, start), (last, end) in pairwise(known):
        for place in range(first + 1, last):
            times[slots[place]] = start + (end - start) * (place - first) // (last - first)


def _slots_of(document: Document, tier: RawTier, node: Node) -> tuple[str, str]:
    try:
        return node.attributes["TIME_SLOT_REF1"], node.attributes["TIME_SLOT_REF2"]
    except KeyError as error:
        raise _fault(document, node, tier, f"has no {error.args[0]}") from error


def _fault(document: Document, node: Node, tier: RawTier, what: str, hint: str = HINT) -> FormatError:
    name = node.attributes.get("ANNOTATION_ID", "")[:40]
    where = f"{document.name}, line {node.line}"
    return FormatError(f"{where}: annotation {name} of tier {tier.name[:80]} {what[:200]}", hint)
