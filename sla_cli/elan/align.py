"""Places the glosses of a tier of ELAN in the video."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from sla_cli.annotation.recognizer_tiers import read_spans
from sla_cli.annotation.timed import Interval
from sla_cli.core.clip import unknown_glosses
from sla_cli.core.hypothesis import Glosses
from sla_cli.elan.call import Call
from sla_cli.elan.parts import Compute, compute_parts, layout_of, part_of, write_parts
from sla_cli.elan.report import tell
from sla_cli.errors import SlaError, some
from sla_cli.transcribe.recognizer import Recognizer


class Passage(NamedTuple):
    """Glosses that are somewhere between two times in milliseconds, in this order."""

    start: int
    end: int
    glosses: Glosses


def align(call: Call, run: Path, video: Path) -> None:
    """Write the tiers and the curve that the call asks for.

    Raises:
        SlaError: a file, run or value is missing or wrong, or nothing can be aligned.
    """
    layout = layout_of(call)
    tier = call.path("given")
    assert tier is not None  # the call requires it
    passages = passages_of(read_spans(tier))
    if not any(passage.glosses for passage in passages):
        raise SlaError("the tier with the glosses has no annotation", "Choose another tier.")
    with Recognizer.open(run) as recognizer:
        known = [_known(passage, recognizer.glosses) for passage in passages]
        _tell_unknown([passage.glosses for passage in passages], recognizer.glosses)
        parts = [
            (part_of(video, one.start, one.end), _compute(recognizer, one.glosses)) for one in known if one.glosses
        ]
        if not parts:
            raise SlaError(
                "the run knows no gloss of the tier", "Glosses are spelled as the run's training data has them."
            )
        found = compute_parts(parts, recognizer.frames.fps)
    write_parts(call, video, layout, found)


def passages_of(spans: Iterable[Interval]) -> list[Passage]:
    """The glosses of annotations; those that touch or overlap become one passage.

    A tier of glosses without times, such as a symbolic subdivision, has annotations that ELAN spaces evenly: where they
    touch, their borders say nothing.

    Args:
        spans: in order of time.
    """
    passages: list[Passage] = []
    for start, end, text in spans:
        glosses = tuple(text.split())
        if passages and start <= passages[-1].end:
            last = passages.pop()
            passages.append(Passage(last.start, max(last.end, end), last.glosses + glosses))
        else:
            passages.append(Passage(start, end, glosses))
    return passages


def _known(passage: Passage, vocabulary: Iterable[str]) -> Passage:
    known = set(vocabulary)
    return passage._replace(glosses=tuple(gloss for gloss in passage.glosses if gloss in known))


def _compute(recognizer: Recognizer, glosses: Glosses) -> Compute:
    return lambda part, advance: recognizer.align(part, glosses, advance=advance)


def _tell_unknown(sentences: Iterable[Glosses], vocabulary: Iterable[str]) -> None:
    unknown: Counter[str] = unknown_glosses(sentences, vocabulary)
    if unknown:
        counts = some(f"{gloss} ({count})" for gloss, count in unknown.most_common())
        tell(f"warning: no times for glosses that the run does not know: {counts}")
