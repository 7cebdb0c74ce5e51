"""CTM, sclite's time-marked conversation format: one line per gloss.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from sla_cli.errors import FormatError
from sla_cli.formats.exchange.format import Format, NbestLists, Utterance, content_lines, utterance
from sla_cli.formats.text import is_number

GRAMMAR = "id channel start duration gloss [confidence], times in seconds"
CHANNEL = "1"


def _fits(line: str) -> bool:
    fields = line.split()
    return len(fields) in (5, 6) and all(map(is_number, fields[2:4]))


def _read(text: str, name: str) -> Iterator[Utterance]:
    """Glosses are put in order of time as a number, while sclite sorts it as text."""
    clips: dict[str, list[tuple[float, str]]] = defaultdict(list)
    first: dict[str, tuple[int, str]] = {}
    for number, line in content_lines(text):
        clip, channel, start, _, gloss = line.split()[:5]
        before = first.setdefault(clip, (number, channel))[1]
        if channel != before:
            raise FormatError(
                f"{name}, line {number}: {clip} is on channel {channel}, before it was on {before}",
                "A clip has one channel: give each its own id.",
            )
        clips[clip].append((float(start), gloss))
    for clip, timed in clips.items():
        yield utterance(first[clip][0], clip, [gloss for _, gloss in sorted(timed, key=lambda pair: pair[0])])


def _write(clips: NbestLists) -> Iterator[str]:
    """sclite sorts start times as text, so all have the same width. A clip without glosses has no line."""
    best = [hypotheses[0] for hypotheses in clips]
    width = len(f"{max((end for one in best for _, end in one.times), default=0.0):.3f}")
    for one in best:
        for number, (gloss, (start, end)) in enumerate(zip(one.glosses, one.times, strict=True)):
            confidence = f" {one.confidence[number]:.4f}" if one.confidence else ""
            yield f"{one.id} {CHANNEL} {start:0{width}.3f} {end - start:.3f} {gloss}{confidence}\n"


FORMAT = Format("ctm", "CTM", _read, _fits, GRAMMAR, _write, not_in_ids='"();', timed=True, omits_empty_clips=True)
