"""The files in which ELAN and a recogniser exchange tiers: spans of time with a text for each column (AVATecH)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from sla_cli.annotation.eaf import TierPlan
from sla_cli.annotation.eaf_document import parse_xml
from sla_cli.annotation.timed import Interval, TimedSign, seconds
from sla_cli.artifact.text import read_bytes
from sla_cli.errors import FormatError
from sla_cli.work.like import Like, begins

TIME = re.compile(r"[0-9]{1,9}(\.[0-9]{1,20}(E-?[0-9]{1,2})?)?")
STEP = 40  # milliseconds between points of a curve
BEGINNING = '<?xml version="1.0" encoding="UTF-8"?>\n<TIERS'
CURVE_HEAD = "time;confidence"


def _beginning(text: str) -> Callable[[Path], bool]:
    return lambda path: begins(path, len(text)) == text.encode()


# What of them may be replaced.
TIERS = Like("a file with tiers from a recogniser of sla", _beginning(BEGINNING), ())
CURVE = Like("a curve from a recogniser of sla", _beginning(CURVE_HEAD), ())


def read_spans(path: Path) -> list[Interval]:
    """The spans of all tiers of a file, in order of time; several texts of a span are joined with spaces.

    A time with a dot is in seconds, another one in milliseconds, as ELAN itself reads them.

    Raises:
        SlaError: the file cannot be read.
        FormatError: it is something else; names file and line.
    """
    _, root = parse_xml(read_bytes(path), str(path))
    tiers = [node for node in root.walk() if node.tag == "TIER"]
    if not tiers:
        raise FormatError(f"{path}, line {root.line}: no TIER", "Choose a tier of the document.")
    found = []
    for node in (span for tier in tiers for span in tier.named("span")):
        times = [node.attributes.get(name, "") for name in ("start", "end")]
        if not all(map(TIME.fullmatch, times)):
            raise FormatError(f"{path}, line {node.line}: a span without start and end")
        start, end = map(_milliseconds, times)
        text = " ".join(word for value in node.named("v") for word in value.text.split())
        found.append(Interval(start, end, text))
    return sorted(found)


def _milliseconds(text: str) -> int:
    return round(float(text) * 1000) if "." in text else int(text)


def tiers_text(plans: Sequence[TierPlan]) -> str:
    """Tiers as XML, times in whole milliseconds: as seconds ELAN would round them."""
    root = ET.Element("TIERS")
    for plan in plans:
        tier = ET.SubElement(root, "TIER", columns=plan.name)
        for start, end, text in plan.intervals:
            span = ET.SubElement(tier, "span", start=str(start), end=str(end))
            ET.SubElement(span, "v").text = text
    ET.indent(root, "  ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def curve_text(signs: Iterable[TimedSign], duration: int) -> str:
    """The confidence over time as CSV with semicolons: that of the sign at each moment, 0 where there is none.

    Args:
        signs: in order of time.
        duration: of the recording, in milliseconds.
    """
    rows, waiting = [CURVE_HEAD], iter(signs)
    sign = next(waiting, None)
    for time in range(0, duration + STEP, STEP):
        while sign is not None and sign.end <= time:
            sign = next(waiting, None)
        confidence = sign.confidence if sign is not None and sign.start <= time else 0.0
        rows.append(f"{seconds(time)};{confidence:.4f}")
    return "".join(f"{row}\n" for row in rows)
