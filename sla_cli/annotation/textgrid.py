"""TextGrid, Praat's annotation of a recording, in its long text form.

https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sla_cli.annotation.layout import SENTENCE, Layout
from sla_cli.annotation.timed import Interval, TimedSentence, in_milliseconds, seconds, sentence_interval
from sla_cli.core.annotation import Annotation


def textgrid_text(annotation: Annotation, layout: Layout, folder: Path) -> str:
    """All tiers are interval tiers from 0 to the duration; where nothing is signed, intervals have no text."""
    sentences = in_milliseconds(annotation)
    last = max((sentence[-1].end for sentence in sentences), default=1)
    end = max(round(annotation.duration * 1000), last)
    tiers = list(_tiers(sentences, layout))
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {seconds(end)}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers, start=1):
        lines += [f"    item [{number}]:", *_tier_lines(name, _filled(intervals, end), end)]
    return "\n".join(lines) + "\n"


def _tiers(sentences: Sequence[TimedSentence], layout: Layout) -> Iterator[tuple[str, list[Interval]]]:
    signs = [sign for sentence in sentences for sign in sentence]
    yield layout.tier, [sign.interval for sign in signs]
    if layout.confidence:
        yield layout.confidence_tier, [Interval(sign.start, sign.end, sign.confidence_text) for sign in signs]
    if layout.sentences:
        yield SENTENCE, list(map(sentence_interval, sentences))


def _filled(intervals: Sequence[Interval], end: int) -> list[Interval]:
    """The intervals with empty ones between them, without a gap from 0 to `end`."""
    filled, at = [], 0
    for interval in (*intervals, Interval(end, end, "")):
        if interval.start > at:
            filled.append(Interval(at, interval.start, ""))
        filled.append(interval)
        at = interval.end
    return filled[:-1]  # without the end mark


def _tier_lines(name: str, intervals: Sequence[Interval], end: int) -> Iterator[str]:
    yield '        class = "IntervalTier"'
    yield f"        name = {_quoted(name)}"
    yield "        xmin = 0"
    yield f"        xmax = {seconds(end)}"
    yield f"        intervals: size = {len(intervals)}"
    for number, interval in enumerate(intervals, start=1):
        yield f"        intervals [{number}]:"
        yield f"            xmin = {seconds(interval.start)}"
        yield f"            xmax = {seconds(interval.end)}"
        yield f"            text = {_quoted(interval.text)}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
