"""Suspicious places as ELAN files, in which an annotator can look at them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sla_cli.align.elan import write_elan
from sla_cli.align.suspicious import ReadClip
from sla_cli.annotation.layout import Layout
from sla_cli.core.aligned_clip import AlignedClip, Segment
from sla_cli.store.clips import Split
from sla_cli.work.emissions import Emissions

LAYOUT = Layout(tier="SUSPICIOUS")
NONE = "(none)"  # instead of a gloss: nothing is annotated, or nothing is recognised


def write_suspicious_elan(
    folder: Path, clips: Sequence[ReadClip], emissions: Emissions, split: Split, *, replace: bool = False
) -> list[Path]:
    """Write the places of clips into files as `write_elan` does, each as `ANNOTATED→RECOGNISED`.

    Returns:
        The files.

    Raises:
        SlaError: as `write_elan`.
    """
    facts = zip(emissions.ids, emissions.fps.tolist(), emissions.frames.tolist(), strict=True)
    sizes = {name: (fps, frames) for name, fps, frames in facts}
    made = {"made by": "sla align --suspicious", "run": emissions.header.run, "references": str(split)}
    signs = [AlignedClip(clip.id, *sizes[clip.id], _segments(clip)) for clip in clips if clip.places]
    return write_elan(folder, signs, split, made, LAYOUT, replace=replace)


def _segments(clip: ReadClip) -> tuple[Segment, ...]:
    """In order of time. Places that overlap share an annotation: on a tier of ELAN none may overlap another."""
    found: list[tuple[str, tuple[int, int]]] = []
    for place in sorted(clip.places, key=lambda place: place.frames):
        text, (start, end) = f"{place.gloss or NONE}→{place.read or NONE}", place.frames
        if found and start < found[-1][1][1]:
            before, (start, last) = found.pop()
            text, end = f"{before},{text}", max(last, end)
        found.append((text, (start, end)))
    return tuple(Segment(text, frames) for text, frames in found)
