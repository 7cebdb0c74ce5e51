"""Computes parts of a video one after the other, and writes what was found in all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from sla_cli.annotation.eaf import plan_tiers
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.recognizer_tiers import curve_text, tiers_text
from sla_cli.annotation.timed import in_milliseconds
from sla_cli.core.annotation import Annotation
from sla_cli.core.clip import Source
from sla_cli.core.counted import counted
from sla_cli.elan.call import Call
from sla_cli.elan.report import Progress, tell
from sla_cli.errors import SlaError
from sla_cli.log import Advance
from sla_cli.system.atomic import write_text
from sla_cli.transcribe.transcript import Transcript

Compute = Callable[[Source, Advance], Transcript]


def layout_of(call: Call, *, sentences: bool = False) -> Layout:
    """The tiers to write. Raises SlaError for a name that ELAN would read as another one."""
    name = call.text("tier")
    if name.split() != [name] or name.startswith("#"):
        raise SlaError(f"{name!r} cannot name a tier of a recogniser", "Use no spaces, and no # at the beginning.")
    return Layout(name, sentences=sentences, confidence=True)


def part_of(video: Path, start: int, end: int) -> Source:
    """A part of a video, from its times in milliseconds."""
    return Source(video.parent, video.name, start / 1000, end / 1000)


def compute_parts(parts: Sequence[tuple[Source, Compute]], fps: float) -> list[Transcript]:
    """What is found in each part; a part that fails is told and left out.

    Args:
        parts: each with what computes it.
        fps: frames per second that the model sees, 0 if unknown.

    Raises:
        SlaError: no part could be computed; the error of the first.
    """
    progress, found, faults = Progress(), list[Transcript](), list[SlaError]()
    for number, (part, compute) in enumerate(parts):
        try:
            found.append(compute(part, _advance(progress, part, number, len(parts), fps)))
        except SlaError as error:
            faults.append(error)
            if len(parts) > 1:
                tell(f"warning: {part.start}-{part.end} s: {error.message}: left out")
    if not found:
        raise faults[0]
    for warning in sorted({one.warning for one in found if one.warning}):
        tell(f"warning: the video is {warning}")
    return found


def _advance(progress: Progress, part: Source, number: int, parts: int, fps: float) -> Advance:
    """Reports the progress within a part, whose frames are known from its times or from the video's header."""
    seconds = part.end - part.start if part.start is not None and part.end is not None else 0.0
    done, frames = 0, round(seconds * fps)

    def advance(amount: int = 1, note: str = "", total: int | None = None) -> None:
        nonlocal done, frames
        done, frames = done + amount, total or frames
        share = min(done / frames, 1.0) if frames else 0.0
        where = f"{done} frames" if parts == 1 else f"part {number + 1} of {parts}"
        progress.say((number + share) / parts, where)

    return advance


def write_parts(call: Call, video: Path, layout: Layout, found: Sequence[Transcript]) -> None:
    """Write the tiers of all parts, and the curve of their confidence, where ELAN wants them."""
    sentences = tuple(chain.from_iterable(one.sentences for one in found))
    duration = max(one.duration for one in found)
    annotation = Annotation(video.stem, video, duration, sentences)
    timed = in_milliseconds(annotation)
    if (tiers := call.path("glosses")) is not None:
        write_text(tiers, tiers_text(plan_tiers(timed, layout)), keep=True)
    if (curve := call.path("curve")) is not None:
        write_text(curve, curve_text(chain.from_iterable(timed), round(duration * 1000)), keep=True)
    tell(counted(len(annotation.signs), "gloss"))
