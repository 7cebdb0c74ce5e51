"""Hypotheses in the formats of the field: sclite's CTM, STM and TRN, CSV `id,gloss` (MSLR submission), JSON lines.

`formats/interchange.py` reads them back. What a format cannot hold is refused, never altered.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sla_cli.atomic import atomic_write
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import SlaError, suggestion

CHANNEL = "1"
LABEL = "<O>"  # an STM's label field: without it a gloss such as <PAD> would be taken for one
Clips = Sequence[Sequence[Hypothesis]]  # the hypotheses of each clip, best first


def write_export(path: Path, kind: str, clips: Clips) -> None:
    """Write the best reading of each clip, in JSON lines all readings; the file appears only when whole.

    Args:
        kind: ctm, stm, trn, csv or jsonl.
        clips: the hypotheses of each clip, best first. CTM and STM need their frame rates; JSON lines hold times
            where the rate is known.

    Raises:
        SlaError: an unknown kind; an id that the format cannot hold; no spans or frame rate where it needs times.
    """
    if kind not in WRITERS:
        raise SlaError(f"no format {kind!r} for hypotheses", suggestion(kind, WRITERS))
    text = "".join(WRITERS[kind](clips))
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def _ctm(clips: Clips) -> Iterator[str]:
    """`id channel start duration gloss confidence`, a gloss a line, times in seconds.

    sclite sorts start times as text, so all have the same width. A clip without glosses has no line.
    """
    width = len(f"{max((end for best in _best(clips) for _, end in best.times), default=0.0):.3f}")
    for best in _best(clips):
        _need_id(best.id, "CTM", '"();')
        for number, (gloss, (start, end)) in enumerate(zip(best.glosses, _times(best), strict=True)):
            sure = f" {best.confidence[number]:.4f}" if best.confidence else ""
            yield f"{best.id} {CHANNEL} {start:0{width}.3f} {end - start:.3f} {gloss}{sure}\n"


def _stm(clips: Clips) -> Iterator[str]:
    """`id channel speaker start end <label> glosses...`, a clip a line; it ends with its last gloss."""
    for best in _best(clips):
        _need_id(best.id, "STM", ";")
        end = max((end for _, end in _times(best)), default=0.0)
        yield " ".join((best.id, CHANNEL, best.id, "0.000", f"{end:.3f}", LABEL, *best.glosses)) + "\n"


def _trn(clips: Clips) -> Iterator[str]:
    """`glosses... (id)`, a clip a line. One that begins with `;;` would be a comment."""
    for best in _best(clips):
        _need_id(best.id, "TRN", "();")
        if best.glosses and best.glosses[0].startswith((";;", "\ufeff")):
            raise SlaError(
                f"clip {best.id}: a TRN cannot begin with gloss {best.glosses[0]!r}", "Write csv or jsonl, or ctm."
            )
        yield " ".join((*best.glosses, f"({best.id})")) + "\n"


def _csv(clips: Clips) -> Iterator[str]:
    """The header `id,gloss` and a clip a line; quoted where needed."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("id", "gloss"))
    writer.writerows((best.id, " ".join(best.glosses)) for best in _best(clips))
    yield buffer.getvalue()


def _jsonl(clips: Clips) -> Iterator[str]:
    """A JSON object a clip: `id`, the best reading's facts, and `nbest` with the facts of all readings."""
    for readings in clips:
        facts = [_facts(reading) for reading in readings]
        yield json.dumps({"id": readings[0].id, **facts[0], "nbest": facts}, ensure_ascii=False) + "\n"


def _facts(reading: Hypothesis) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "glosses": reading.glosses,
        "score": reading.score,
        "spans": reading.spans,
        "confidence": reading.confidence,
    }
    if reading.fps:
        facts["times"] = [(round(start, 3), round(end, 3)) for start, end in reading.times]
    return facts


WRITERS: dict[str, Callable[[Clips], Iterator[str]]] = {
    "ctm": _ctm,
    "stm": _stm,
    "trn": _trn,
    "csv": _csv,
    "jsonl": _jsonl,
}


def _best(clips: Clips) -> Iterable[Hypothesis]:
    return (readings[0] for readings in clips)


def _times(reading: Hypothesis) -> tuple[tuple[float, float], ...]:
    """Seconds of each gloss. Raises SlaError where spans or frame rate are not known."""
    if not reading.glosses:
        return ()
    if not reading.fps:
        raise SlaError(
            f"no frame rate is known for clip {reading.id}, so there are no seconds", "Write trn, csv or jsonl."
        )
    if len(reading.spans) != len(reading.glosses):
        raise SlaError(f"clip {reading.id}: its glosses have no spans", "Write trn, csv or jsonl.")
    return reading.times


def _need_id(name: str, kind: str, forbidden: str) -> None:
    """Raise SlaError for a clip id that would tear a line of the format apart."""
    if any(char.isspace() or char in forbidden for char in name):
        raise SlaError(
            f"clip id {name!r} does not fit in a {kind}: it holds white space or one of {' '.join(forbidden)}",
            "Write csv or jsonl, which hold any id.",
        )
