"""EAF 3.0, the files of ELAN: a new file with the glosses of one recording.

https://archive.mpi.nl/tla/elan; https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree as ET

from sla_cli.annotation.eaf_elements import (
    CONSTRAINTS,
    LAST_ID,
    TierPlan,
    build,
    constraint,
    linguistic_type,
    made_properties,
    plan_tiers,
    property_of,
)
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.timed import NOT_XML, in_milliseconds
from sla_cli.core.annotation import Annotation

SCHEMA_PLACE = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
MIME_TYPES = {
    ".avi": "video/x-msvideo",
    ".m4v": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".webm": "video/webm",
}


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
        header.append(_media_descriptor(media.resolve(), folder.resolve()))
    header.append(property_of(LAST_ID, str(built.last_annotation)))
    header.extend(properties)
    ET.SubElement(root, "TIME_ORDER").extend(slot for _, slot in built.slots)
    root.extend(built.tiers)
    root.extend(linguistic_type(plan) for plan in {plan.type_id: plan for plan in plans}.values())
    root.extend(map(constraint, CONSTRAINTS))
    ET.indent(root, "    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _media_descriptor(media: Path, folder: Path) -> ET.Element:
    """Paths are not percent-encoded: ELAN uses them unchanged, with spaces (FileUtility.pathToURLString)."""
    path = media.as_posix()
    url = media.as_uri() if NOT_XML.search(path) else f"file://{path if path.startswith('/') else f'/{path}'}"
    kind = MIME_TYPES.get(media.suffix.lower(), "unknown")
    element = ET.Element("MEDIA_DESCRIPTOR", MEDIA_URL=url, MIME_TYPE=kind)
    if media.is_relative_to(folder):
        relative = f"./{media.relative_to(folder).as_posix()}"
        if not NOT_XML.search(relative):
            element.set("RELATIVE_MEDIA_URL", relative)
    return element
