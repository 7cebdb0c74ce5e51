"""EAF 3.0, the files of ELAN: a new file with the glosses of one recording, and the elements that it is made of.

https://archive.mpi.nl/tla/elan; https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from sla_cli.annotation.layout import SENTENCE, Layout
from sla_cli.annotation.timed import (
    NOT_XML,
    Interval,
    TimedSentence,
    in_milliseconds,
    printable,
    sentence_interval,
)
from sla_cli.core.annotation import Annotation
from sla_cli.core.digest import digest_bytes, digest_json
from sla_cli.core.endings import VIDEOS

SCHEMA_PLACE = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
ANNOTATOR = "sla"  # annotator of each tier that sla writes; no other tier is ever replaced
# Property that holds the digest of the whole file, which is computed with UNSEALED in its place.
FILE_DIGEST, UNSEALED = f"{ANNOTATOR}:file", "0" * 16
DIGEST = f"{ANNOTATOR}:digest:"  # beginning of the property that holds the digest of a tier
LAST_ID = "lastUsedAnnotationId"
ASSOCIATION = "Symbolic_Association"
CONSTRAINTS = {
    "Time_Subdivision": "Time subdivision of parent annotation's time interval, "
    "no time gaps allowed within this interval",
    "Symbolic_Subdivision": "Symbolic subdivision of a parent annotation. "
    "Annotations refering to the same parent are ordered",
    ASSOCIATION: "1-1 association with a parent annotation",
    "Included_In": "Time alignable annotations within the parent annotation's time interval, gaps are allowed",
}


@dataclass(frozen=True)
class TierPlan:
    """A tier to be written.

    Attributes:
        type_id: id of its linguistic type.
        intervals: its annotations in order of time.
        parent: the tier whose annotations give the times of this one, "" if it has its own times.
        annotator: who wrote it.
        participant: who signs, "" if not given.
    """

    name: str
    type_id: str
    intervals: Sequence[Interval]
    parent: str = ""
    annotator: str = ANNOTATOR
    participant: str = ""

    @property
    def type_attributes(self) -> dict[str, str]:
        """Attributes of its linguistic type, without the id."""
        times = {"GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "false" if self.parent else "true"}
        return {"CONSTRAINTS": ASSOCIATION} | times if self.parent else times


@dataclass(frozen=True)
class Built:
    """Elements for a file.

    Attributes:
        slots: time slots with their milliseconds, in order of time; each belongs to one annotation.
        last_annotation: number in the id of the last annotation.
    """

    slots: Sequence[tuple[int, ET.Element]]
    tiers: Sequence[ET.Element]
    last_annotation: int


def eaf_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """A new document; times in milliseconds, end exclusive.

    Args:
        folder: where the file will be; a video next to or below it is also linked with a relative path.

    Raises:
        SlaError: a gloss that XML cannot hold.
    """
    plans = plan_tiers(in_milliseconds(annotation), layout)
    return document_text(plans, annotation.media, folder, made_properties(annotation.made, layout.tier))


def document_text(
    plans: Sequence[TierPlan], media: Path | None, folder: Path, properties: Iterable[ET.Element] = ()
) -> str:
    """A document with these tiers, linked to a video if that is there.

    Args:
        plans: each parent before its child.
        folder: as of `eaf_text`.
        properties: properties in the header.
    """
    built = build(plans)
    made_at = datetime.now().astimezone().isoformat(timespec="seconds")
    root = ET.Element("ANNOTATION_DOCUMENT", AUTHOR="sla", DATE=made_at, FORMAT="3.0", VERSION="3.0")
    root.set(SCHEMA_PLACE, SCHEMA)
    header = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if media is not None and media.is_file():  # ELAN shows an error for a link to a missing file
        # The name of a link stays: it may have been given so that the name of the file is not disclosed.
        header.append(_media_descriptor(media.parent.resolve() / media.name, folder.resolve()))
    header.append(property_of(LAST_ID, str(built.last_annotation)))
    header.extend(properties)
    header.extend(digest_properties(plans))
    ET.SubElement(root, "TIME_ORDER").extend(slot for _, slot in built.slots)
    root.extend(built.tiers)
    root.extend(linguistic_type(plan) for plan in {plan.type_id: plan for plan in plans}.values())
    root.extend(map(constraint, CONSTRAINTS))
    header.append(property_of(FILE_DIGEST, UNSEALED))
    ET.indent(root, "    ")
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
    before, seal, after = text.rpartition(f'NAME="{FILE_DIGEST}">')  # of no gloss, in which `>` is `&gt;`
    return before + seal + digest_bytes(text.encode()) + after.removeprefix(UNSEALED)


def _media_descriptor(media: Path, folder: Path) -> ET.Element:
    """Paths are not percent-encoded: ELAN uses them unchanged, with spaces (FileUtility.pathToURLString)."""
    path = media.as_posix()
    url = media.as_uri() if NOT_XML.search(path) else f"file://{path if path.startswith('/') else f'/{path}'}"
    kind = VIDEOS.get(media.suffix.lower(), "unknown")
    element = ET.Element("MEDIA_DESCRIPTOR", MEDIA_URL=url, MIME_TYPE=kind)
    if media.is_relative_to(folder):
        relative = f"./{media.relative_to(folder).as_posix()}"
        if not NOT_XML.search(relative):
            element.set("RELATIVE_MEDIA_URL", relative)
    return element


def plan_tiers(sentences: Sequence[TimedSentence], layout: Layout) -> list[TierPlan]:
    """The tiers of a layout; each parent comes before its child."""
    signs = [sign for sentence in sentences for sign in sentence]
    plans = [TierPlan(layout.tier, "sla-gloss", [sign.interval for sign in signs])]
    if layout.confidence:
        sure = [Interval(sign.start, sign.end, sign.confidence_text) for sign in signs]
        plans.append(TierPlan(layout.confidence_tier, "sla-confidence", sure, layout.tier))
    if layout.sentences:
        plans.append(TierPlan(SENTENCE, "sla-sentence", list(map(sentence_interval, sentences))))
    return plans


def build(plans: Sequence[TierPlan], first_slot: int = 1, first_annotation: int = 1) -> Built:
    """Elements with ids `ts…` and `a…`, numbered from the given numbers on."""
    aligned = [plan for plan in plans if not plan.parent]
    marks = sorted(
        (time, number, place, side)
        for number, plan in enumerate(aligned)
        for place, interval in enumerate(plan.intervals)
        for side, time in enumerate((interval.start, interval.end))
    )
    slot_ids = {
        (aligned[number].name, place, side): f"ts{first_slot + order}"
        for order, (_, number, place, side) in enumerate(marks)
    }
    slots = [
        (time, ET.Element("TIME_SLOT", TIME_SLOT_ID=one, TIME_VALUE=str(time)))
        for (time, *_), one in zip(marks, slot_ids.values(), strict=True)
    ]
    firsts: dict[str, int] = {}
    for plan in plans:
        firsts[plan.name] = first_annotation
        first_annotation += len(plan.intervals)
    tiers = [_tier(plan, firsts, slot_ids) for plan in plans]
    return Built(slots, tiers, first_annotation - 1)


def _tier(plan: TierPlan, firsts: Mapping[str, int], slot_ids: Mapping[tuple[str, int, int], str]) -> ET.Element:
    tier = ET.Element("TIER", ANNOTATOR=plan.annotator, LINGUISTIC_TYPE_REF=plan.type_id, TIER_ID=plan.name)
    if plan.participant:
        tier.set("PARTICIPANT", plan.participant)
    if plan.parent:
        tier.set("PARENT_REF", plan.parent)
    for place, interval in enumerate(plan.intervals):
        if plan.parent:
            given = {"ANNOTATION_REF": f"a{firsts[plan.parent] + place}"}
        else:
            given = {f"TIME_SLOT_REF{side + 1}": slot_ids[plan.name, place, side] for side in (0, 1)}
        tier.append(annotation_element(f"a{firsts[plan.name] + place}", interval.text, given))
    return tier


def annotation_element(name: str, text: str, given: Mapping[str, str]) -> ET.Element:
    """An annotation with this id; `given` has its time slots, or the annotation that it refers to."""
    holder = ET.Element("ANNOTATION")
    kind = "REF_ANNOTATION" if "ANNOTATION_REF" in given else "ALIGNABLE_ANNOTATION"
    annotation = ET.SubElement(holder, kind, {"ANNOTATION_ID": name, **given})
    ET.SubElement(annotation, "ANNOTATION_VALUE").text = text
    return holder


def linguistic_type(plan: TierPlan) -> ET.Element:
    """The linguistic type of a tier."""
    return ET.Element("LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": plan.type_id} | plan.type_attributes)


def constraint(stereotype: str) -> ET.Element:
    """One of ELAN's four constraints."""
    return ET.Element("CONSTRAINT", STEREOTYPE=stereotype, DESCRIPTION=CONSTRAINTS[stereotype])


def property_of(name: str, value: str) -> ET.Element:
    """A property in the header."""
    element = ET.Element("PROPERTY", NAME=name)
    element.text = value
    return element


def made_properties(made: Mapping[str, str], tier: str) -> Iterator[ET.Element]:
    """How a tier was made, as properties named `sla:KEY:TIER`."""
    for key, value in made.items():
        yield property_of(f"{ANNOTATOR}:{printable(key).replace(':', '-')}:{tier}", printable(value))


def digest_properties(plans: Iterable[TierPlan]) -> Iterator[ET.Element]:
    """The digests of the tiers that sla writes, as properties, by which eaf_own.py finds corrected tiers."""
    for plan in plans:
        if plan.annotator == ANNOTATOR:
            yield property_of(DIGEST + plan.name, digest_of(plan.intervals))


def digest_of(intervals: Iterable[tuple[int, int, str]]) -> str:
    """Digest of a tier's annotations, each with its start, end and text."""
    return digest_json(sorted([start, end, text] for start, end, text in intervals))


def tells_of(name: str, tier: str) -> bool:
    """Whether a property with this name is one that `made_properties` makes for the tier."""
    parts = name.split(":", 2)
    return len(parts) == 3 and parts[0] == ANNOTATOR and parts[2] == tier
