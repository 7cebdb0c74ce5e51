"""Files with suggestions, for the tests of `sla annotate`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from elan_files import Eaf
from pympi.Elan import Eaf as Pympi

from sla_cli.annotate.content import Entry
from sla_cli.annotate.operations import Operation, Undo
from sla_cli.annotate.recording import Applied, Recording
from sla_cli.annotate.scope import Scope
from sla_cli.annotation.eaf import eaf_text
from sla_cli.annotation.layout import Layout
from sla_cli.core.annotation import Annotation, Sign, split_at_pauses

SCOPE = Scope("SIGN", ("GLOSS", "GLOSS-LH"), "Translation", "Mia Maier")
SIGNS = (Sign("REGEN", 0.4, 0.8, 0.9), Sign("NORD", 1.0, 1.4, 0.5), Sign("SONNE", 2.0, 2.6, 0.7))


def write_suggestions(path: Path, signs: tuple[Sign, ...] = SIGNS, media: Path | None = None) -> Path:
    """A file as `sla transcribe --confidence` writes it."""
    found = Annotation(path.stem, media, 90.0, split_at_pauses(signs, 1.0))
    path.write_text(eaf_text(found, Layout(confidence=True), path.parent), encoding="utf-8")
    return path


@dataclass
class Annotated:
    """A recording whose page has always seen the newest version of its file."""

    recording: Recording

    @property
    def path(self) -> Path:
        return self.recording.eaf

    def do(self, operation: Operation | Undo) -> Applied:
        return self.recording.edit(self.recording.content().digest, operation)

    def entries(self, tier: str) -> dict[str, Entry]:
        return dict(self.recording.content().tiers.get(tier, {}))

    def id(self, tier: str, text: str) -> str:
        """The id of the only annotation with this text."""
        [name] = [name for name, entry in self.entries(tier).items() if entry.text == text]
        return name

    def marks(self, tier: str) -> list[tuple[int, int, str]]:
        return sorted((one.start, one.end, one.text) for one in self.entries(tier).values())

    def decisions(self, tier: str) -> dict[str, str]:
        """By text of the annotation what was decided about it, without name and time."""
        found = {}
        for entry in self.entries(tier).values():
            kind, _, rest = entry.decision.partition(" Mia Maier ")
            found[entry.text] = f"{kind}{rest[25:]}"
        return found


def annotated(folder: Path, scope: Scope = SCOPE) -> Annotated:
    """A file with three suggestions, and no other tier."""
    (folder / "video.mp4").touch()
    path = write_suggestions(folder / "video.eaf")
    return Annotated(Recording("video", folder / "video.mp4", path, scope))


SCHEMA = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="EAFv3.0.xsd"'


def foreign_file() -> str:
    """A file of somebody else: glosses without decisions, whose slots another tier uses, and a note on one of them."""
    eaf = Eaf(types={"gloss": ("", ""), "note": ("Symbolic_Association", "")})
    for name in ("GLOSS", "Mouth"):
        eaf.tier(name, ANNOTATOR="Otto")
    eaf.tier("Note", "note", PARENT_REF="GLOSS")
    slots = [eaf.slot(time) for time in (100, 500, 900, 1300)]
    for (start, end), gloss in zip(pairwise(slots), ("HAUS", "BAUM", "WEG"), strict=True):
        eaf.mark("GLOSS", start, end, gloss)
        eaf.mark("Mouth", start, end, f"/{gloss.lower()}/")
    eaf.child("Note", "a5", "sic")
    lines = eaf.xml().replace("<TIME_SLOT", "\n<TIME_SLOT").replace("</TIME_ORDER>", "\n</TIME_ORDER>")
    return lines.replace("<ANNOTATION_DOCUMENT", f"<ANNOTATION_DOCUMENT {SCHEMA}")  # pympi needs it


def read(path: Path) -> Pympi:
    return Pympi(path, suppress_version_warning=True)
