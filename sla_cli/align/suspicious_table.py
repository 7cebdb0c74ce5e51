"""A ranking of suspicious references as rows: for a table file, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sla_cli.align.suspicious import Place, Ranking, ReadClip
from sla_cli.system.atomic import write_text

COLUMNS = (
    *("rank", "clip", "clip_score", "kind", "number", "gloss", "read", "start_frame", "end_frame", "start", "end"),
    *("score", "reference", "hypothesis"),
)


def write_ranking(path: Path, ranking: Ranking) -> None:
    """Write all clips of a ranking: a row for each place, and one row for a clip without any; tab-separated."""
    rows = ("\t".join(row) + "\n" for number, clip in enumerate(ranking.clips, start=1) for row in _rows(number, clip))
    write_text(path, "\t".join(COLUMNS) + "\n" + "".join(rows))


def clip_facts(clip: ReadClip) -> dict[str, Any]:
    """A clip of a ranking as JSON values."""
    return {
        "clip": clip.id,
        "score": clip.score,
        "reference": list(clip.reference),
        "hypothesis": list(clip.hypothesis),
        "places": [
            {
                "kind": place.kind,
                "number": place.number,
                "gloss": place.gloss,
                "read": place.read,
                "frames": list(place.span),
                "seconds": list(seconds(clip, place)) or None,
                "score": place.score,
            }
            for place in clip.places
        ],
    }


def seconds(clip: ReadClip, place: Place) -> tuple[float, ...]:
    """Start and end of a place; () if the frame rate is not known."""
    return tuple(round(frame / clip.fps, 3) for frame in place.span) if clip.fps else ()


def _rows(number: int, clip: ReadClip) -> Iterator[tuple[str, ...]]:
    head, tail = (str(number), clip.id, str(clip.score)), (" ".join(clip.reference), " ".join(clip.hypothesis))
    for place in clip.places:
        times = map(str, seconds(clip, place) or ("", ""))
        frames = map(str, place.span)
        yield (*head, place.kind, str(place.number), place.gloss, place.read, *frames, *times, str(place.score), *tail)
    if not clip.places:
        yield (*head, *[""] * 9, *tail)
