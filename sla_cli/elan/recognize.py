"""Recognises the video that is open in ELAN, or parts of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sla_cli.annotation.recognizer_tiers import read_spans
from sla_cli.core.clip import Source
from sla_cli.elan.call import Call
from sla_cli.elan.parts import compute_parts, layout_of, part_of, write_parts
from sla_cli.errors import SlaError
from sla_cli.log import Advance
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.transcript import Transcript


def recognize(call: Call, run: Path, video: Path) -> None:
    """Write the tiers and the curve that the call asks for.

    Raises:
        SlaError: a file, run or value is missing or wrong.
    """
    layout = layout_of(call, sentences=call.text("sentences") == "yes")
    parts = _parts(video, call.path("parts"))
    beam, min_confidence = round(call.number("beam")), call.number("min_confidence")
    with Recognizer.open(run, lm=call.path("lm"), beam=beam or None) as recognizer:

        def compute(part: Source, advance: Advance) -> Transcript:
            return recognizer.transcribe(part, min_confidence=min_confidence, advance=advance)

        found = compute_parts([(part, compute) for part in parts], recognizer.frames.fps)
    write_parts(call, video, layout, found)


def _parts(video: Path, tier: Path | None) -> list[Source]:
    """The whole video, or its parts where a tier has annotations. Raises SlaError for a tier without any."""
    if tier is None:
        return [Source(video.parent, video.name)]
    spans = _merged((start, end) for start, end, _ in read_spans(tier))
    if not spans:
        raise SlaError("the tier with the parts has no annotation", "Choose another tier, or none for the whole video.")
    return [part_of(video, start, end) for start, end in spans]


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same times without overlap. `spans` are in order."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged
