"""The rules of EAF 3.0 from its schema and ELAN, checked without code of sla.

http://www.mpi.nl/tools/elan/EAFv3.0.xsd and https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT_ORDER = [
    "LICENSE", "HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LOCALE", "LANGUAGE", "CONSTRAINT",
    "CONTROLLED_VOCABULARY", "LEXICON_REF", "REF_LINK_SET", "EXTERNAL_REF",
]  # fmt: skip
HEADER_ORDER = ["MEDIA_DESCRIPTOR", "LINKED_FILE_DESCRIPTOR", "PROPERTY"]
REQUIRED = {
    "ANNOTATION_DOCUMENT": {"AUTHOR", "DATE", "VERSION"},
    "MEDIA_DESCRIPTOR": {"MEDIA_URL", "MIME_TYPE"},
    "LINKED_FILE_DESCRIPTOR": {"LINK_URL", "MIME_TYPE"},
    "PROPERTY": set(),
    "TIME_SLOT": {"TIME_SLOT_ID"},
    "TIER": {"TIER_ID", "LINGUISTIC_TYPE_REF"},
    "ALIGNABLE_ANNOTATION": {"ANNOTATION_ID", "TIME_SLOT_REF1", "TIME_SLOT_REF2"},
    "REF_ANNOTATION": {"ANNOTATION_ID", "ANNOTATION_REF"},
    "LINGUISTIC_TYPE": {"LINGUISTIC_TYPE_ID"},
    "CONSTRAINT": {"STEREOTYPE"},
}
ALLOWED = {
    "PROPERTY": {"NAME"},
    "TIME_SLOT": {"TIME_SLOT_ID", "TIME_VALUE"},
    "TIER": {"TIER_ID", "PARTICIPANT", "ANNOTATOR", "LINGUISTIC_TYPE_REF", "DEFAULT_LOCALE", "PARENT_REF", "EXT_REF",
             "LANG_REF"},
    "LINGUISTIC_TYPE": {"LINGUISTIC_TYPE_ID", "TIME_ALIGNABLE", "CONSTRAINTS", "GRAPHIC_REFERENCES",
                        "CONTROLLED_VOCABULARY_REF", "EXT_REF", "LEXICON_REF"},
    "MEDIA_DESCRIPTOR": {"MEDIA_URL", "RELATIVE_MEDIA_URL", "MIME_TYPE", "TIME_ORIGIN", "EXTRACTED_FROM"},
    "CONSTRAINT": {"STEREOTYPE", "DESCRIPTION"},
    "HEADER": {"MEDIA_FILE", "TIME_UNITS"},
}  # fmt: skip
NAME = re.compile(r"[^\W\d][\w.\-]*")  # xsd:ID
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")  # xsd:dateTime


def broken_rules(path: Path) -> list[str]:
    """The violations of the rules in a file; empty if there are none."""
    root = ET.parse(path).getroot()
    return [*_elements(root), *_ids(root), *_slots(root), *_tiers(root), *_properties(root)]


def _elements(root: ET.Element) -> Iterator[str]:
    if root.tag != "ANNOTATION_DOCUMENT":
        yield f"root {root.tag}"
    if not WHEN.fullmatch(root.get("DATE", "")):
        yield f"DATE {root.get('DATE')}"
    yield from _order(root, ROOT_ORDER)
    for tag in ("HEADER", "TIME_ORDER"):
        if len(root.findall(tag)) != 1:
            yield f"not one {tag}"
    yield from _order(root.find("HEADER"), HEADER_ORDER)
    if root.find("HEADER").get("TIME_UNITS") not in (None, "milliseconds"):
        yield "TIME_UNITS"
    for element in root.iter():
        for key in REQUIRED.get(element.tag, set()) - set(element.attrib):
            yield f"{element.tag} without {key}"
        for key in set(element.attrib) - ALLOWED.get(element.tag, set(element.attrib)):
            yield f"{element.tag} with {key}"
        if element.tag == "ANNOTATION" and [one.tag for one in element] not in (
            ["ALIGNABLE_ANNOTATION"], ["REF_ANNOTATION"],
        ):  # fmt: skip
            yield "ANNOTATION of something else"
        if element.tag.endswith("E_ANNOTATION") and [one.tag for one in element] != ["ANNOTATION_VALUE"]:
            yield f"{element.get('ANNOTATION_ID')} without one value"


def _order(parent: ET.Element, order: list[str]) -> Iterator[str]:
    tags = [child.tag for child in parent]
    if unknown := set(tags) - set(order):
        yield f"{parent.tag} holds {unknown}"
    elif tags != sorted(tags, key=order.index):
        yield f"children of {parent.tag} out of order"


def _ids(root: ET.Element) -> Iterator[str]:
    kinds = ("TIME_SLOT_ID", "ANNOTATION_ID", "EXT_REF_ID", "LEX_REF_ID")  # one space of ids: all are xsd:ID
    for space in (kinds, ("TIER_ID",), ("LINGUISTIC_TYPE_ID",), ("STEREOTYPE",), ("CV_ID",)):
        found = Counter(element.get(key) for element in root.iter() for key in space if key in element.attrib)
        yield from (f"id {one} comes {count} times" for one, count in found.items() if count > 1)
        if space is kinds:
            yield from (f"id {one!r}" for one in found if not NAME.fullmatch(one))


def _slots(root: ET.Element) -> Iterator[str]:
    texts = [slot.get("TIME_VALUE") for slot in root.find("TIME_ORDER") if "TIME_VALUE" in slot.attrib]
    yield from (f"time {text!r}" for text in texts if not re.fullmatch(r"\d+", text))
    times = [float(text) for text in texts]
    if times != sorted(times):
        yield "time slots out of order"


def _tiers(root: ET.Element) -> Iterator[str]:
    times = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.find("TIME_ORDER")}
    types = {one.get("LINGUISTIC_TYPE_ID"): one for one in root.findall("LINGUISTIC_TYPE")}
    stereotypes = {one.get("STEREOTYPE") for one in root.findall("CONSTRAINT")}
    tiers = {tier.get("TIER_ID"): tier for tier in root.findall("TIER")}
    for name, tier in tiers.items():
        kind = types.get(tier.get("LINGUISTIC_TYPE_REF"))
        if kind is None:
            yield f"tier {name}: undeclared type"
            continue
        constraint, parent = kind.get("CONSTRAINTS"), tier.get("PARENT_REF")
        if (parent is None) != (constraint is None):
            yield f"tier {name}: parent {parent}, constraint {constraint}"
        if constraint is not None and constraint not in stereotypes:
            yield f"tier {name}: undeclared constraint {constraint}"
        if parent is not None and parent not in tiers:
            yield f"tier {name}: no parent {parent}"
        wanted = "ALIGNABLE_ANNOTATION" if kind.get("TIME_ALIGNABLE", "true") == "true" else "REF_ANNOTATION"
        if any(one.tag != wanted for one in tier.findall("ANNOTATION/*")):
            yield f"tier {name}: not all are {wanted}"
        yield from _references(tier, tiers.get(parent), constraint)
        yield from _overlaps(tier, times)


def _references(tier: ET.Element, parent: ET.Element | None, constraint: str | None) -> Iterator[str]:
    name = tier.get("TIER_ID")
    found = [one.get("ANNOTATION_REF") for one in tier.iter("REF_ANNOTATION")]
    known = {one.get("ANNOTATION_ID") for one in parent.findall("ANNOTATION/*")} if parent is not None else set()
    yield from (f"tier {name}: refers to {one}, which is not of its parent" for one in found if one not in known)
    if constraint == "Symbolic_Association" and len(set(found)) < len(found):
        yield f"tier {name}: two annotations of one"


def _overlaps(tier: ET.Element, times: dict[str, str | None]) -> Iterator[str]:
    name, spans = tier.get("TIER_ID"), []
    for one in tier.iter("ALIGNABLE_ANNOTATION"):
        ends = (one.get("TIME_SLOT_REF1"), one.get("TIME_SLOT_REF2"))
        if not times.keys() >= set(ends):
            yield f"tier {name}: {one.get('ANNOTATION_ID')} at an unknown time slot"
        elif None not in (span := [times[end] for end in ends]):
            spans.append((float(span[0]), float(span[1])))
    yield from (f"tier {name}: {start:.0f} to {end:.0f}" for start, end in spans if start >= end)
    spans.sort()
    if any(start < end for (_, end), (start, _) in itertools.pairwise(spans)):
        yield f"tier {name}: annotations overlap"


def _properties(root: ET.Element) -> Iterator[str]:
    last = [one.text for one in root.find("HEADER") if one.get("NAME") == "lastUsedAnnotationId"]
    numbers = [int(found[1]) for one in root.iter() if (found := re.fullmatch(r"a(\d+)", one.get("ANNOTATION_ID", "")))]
    if len(last) > 1 or (last and int(last[0]) < max(numbers, default=0)):
        yield f"last used annotation {last}"
