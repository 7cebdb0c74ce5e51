"""Plays the linguist of examples/linguist.sh: draws recordings, and corrects the glosses that sla recognised in some.

Usage: python draw_elan.py draw FOLDER; python draw_elan.py correct TRUTH FILE.eaf…
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree as ET

import typer
from elan_recordings import RIGHT_HAND, draw_elan_corpus

from sla_cli.annotation.eaf_document import read_document
from sla_cli.cli.main import refusals
from sla_cli.core.edit_alignment import align, count
from sla_cli.log import progress
from sla_cli.system.atomic import write_text
from sla_cli.system.workers import usable_cores

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def draw(
    folder: Path,
    seed: int = 0,
    annotated: Annotated[int, typer.Option(min=1, help="Recordings with an ELAN file, in FOLDER/corpus.")] = 12,
    unannotated: Annotated[int, typer.Option(min=1, help="Recordings without one, in FOLDER/rest.")] = 3,
    sentences: Annotated[int, typer.Option(min=1, help="Sentences of each recording.")] = 6,
) -> None:
    """Draw recordings; FOLDER/truth gets the ELAN files that the linguist will make for the rest."""
    counts = {"annotated": annotated, "unannotated": unannotated, "sentences": sentences}
    with progress("drawing recordings", annotated + unannotated) as advance:
        draw_elan_corpus(folder, seed=seed, jobs=usable_cores(), progress=advance, **counts)


@app.command()
def correct(truth: Path, files: list[Path]) -> None:
    """Do what a linguist does in ELAN: correct the glosses, use the tiers of both hands, and name the signer."""
    for path in files:
        read, true = _root(path), _root(truth / path.name)
        before, after = _glosses(read), _glosses(true)
        header = true.find("HEADER")
        assert header is not None
        for link in header.findall("MEDIA_DESCRIPTOR"):
            header.remove(link)
        header[:0] = read.findall("HEADER/MEDIA_DESCRIPTOR")  # the link to the video is the one that sla wrote
        write_text(path, '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(true, encoding="unicode") + "\n")
        changes = count(align(before, after)).errors
        typer.echo(f"{path}: {len(before)} glosses recognised, {len(after)} after {changes} corrections")


def _root(path: Path) -> ET.Element:
    """The root of an ELAN file. Raises SlaError if it is not one."""
    read_document(path)
    return ET.parse(path).getroot()


def _glosses(root: ET.Element) -> list[str]:
    return [value.text or "" for value in root.iterfind(f"TIER[@TIER_ID='{RIGHT_HAND}']//ANNOTATION_VALUE")]


if __name__ == "__main__":
    with refusals():
        app()
