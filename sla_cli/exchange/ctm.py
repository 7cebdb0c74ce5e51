"""CTM, sclite's time-marked conversation format: one line per gloss.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

from sla_cli.artifact.text import is_number
from sla_cli.config.bounds import LARGE
from sla_cli.core.annotation import Sign
from sla_cli.errors import FormatError
from sla_cli.exchange.format import Format, NbestLists, Utterance, parsed_lines, utterance

GRAMMAR = "id channel start duration gloss [confidence], times in seconds"
CHANNEL = "1"
UNKNOWN = "NA"  # a confidence
DECIMALS = 6  # of an end: in binary numbers 0.28 + 0.2 is after 0.48, and would overlap a gloss that begins there


class _Clip(NamedTuple):
    """The first line of a clip, and its glosses with their start times."""

    line: int
    timed: list[tuple[float, str]]


def _fields(line: str) -> list[str] | None:
    fields = line.split()
    numbers = [*fields[2:4], *(confidence for confidence in fields[5:] if confidence != UNKNOWN)]
    return fields if len(fields) in (5, 6) and all(map(is_number, numbers)) else None


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """The fields of each line. Raises FormatError, also for a clip on two channels, and times that no recording has."""
    channels: dict[str, str] = {}
    for number, fields in parsed_lines(text, name, FORMAT):
        clip, channel, start, duration, *_ = fields
        if not 0 <= float(duration) <= LARGE or not -LARGE <= float(start) <= LARGE:
            fault = f"{name}, line {number}: a start of {start[:20]} and a duration of {duration[:20]}"
            raise FormatError(fault, f"Expected: {GRAMMAR}.")
        if channel != (first := channels.setdefault(clip, channel)):
            raise FormatError(
                f"{name}, line {number}: {clip} is on channel {channel}, but earlier on {first}",
                "A clip has one channel: give each its own id.",
            )
        yield number, fields


def _read(text: str, name: str) -> Iterator[Utterance]:
    """Glosses are sorted by time as a number, while sclite sorts times as text."""
    clips: dict[str, _Clip] = {}
    for number, (name_of_clip, _, start, _, gloss, *_) in _lines(text, name):
        clip = clips.get(name_of_clip) or clips.setdefault(name_of_clip, _Clip(number, []))
        clip.timed.append((float(start), gloss))
    for name_of_clip, clip in clips.items():
        clip.timed.sort(key=itemgetter(0))
        yield utterance(clip.line, name_of_clip, [gloss for _, gloss in clip.timed])


def read_times(text: str, name: str) -> dict[str, list[Sign]]:
    """The glosses of each clip with their times, in order of the file; their confidence is left out.

    Args:
        name: of the file, for messages.

    Raises:
        FormatError: a line that is not one of CTM, a clip on two channels, or times that no recording has.
    """
    clips: dict[str, list[Sign]] = {}
    for _, (clip, _, start, duration, gloss, *_) in _lines(text, name):
        begin = float(start)
        end = round(begin + float(duration), DECIMALS)
        clips.setdefault(clip, []).append(Sign(gloss, begin, end, 1.0))
    return clips


def _write(clips: NbestLists) -> Iterator[str]:
    """sclite sorts start times as text, so all have the same width. A clip without glosses has no line."""
    best = [hypotheses[0] for hypotheses in clips]
    width = len(f"{max((end for one in best for _, end in one.times), default=0.0):.3f}")
    for one in best:
        for number, (gloss, (start, end)) in enumerate(zip(one.glosses, one.times, strict=True)):
            confidence = f" {one.confidence[number]:.4f}" if one.confidence else ""
            duration = round(end, 3) - round(start, 3)  # so that it ends where the next one begins
            yield f"{one.id} {CHANNEL} {start:0{width}.3f} {duration:.3f} {gloss}{confidence}\n"


FORMAT = Format("ctm", "CTM", _read, _fields, GRAMMAR, _write, not_in_ids='"();', timed=True, omits_empty_clips=True)
