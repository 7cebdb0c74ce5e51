"""A ranking of suspicious references as rows: for a table file, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sla_cli.align.suspicious import Kind, Place, Ranking, ReadClip
from sla_cli.core.quantities import Amount, Count, Positive
from sla_cli.system.atomic import write_text

COLUMNS = (
    *("rank", "clip", "clip_score", "kind", "number", "gloss", "read", "start_frame", "end_frame", "start", "end"),
    *("score", "reference", "hypothesis"),
)


class SuspiciousPlace(Struct, kw_only=True):
    """A place where hypothesis and reference differ.

    Attributes:
        kind: what the annotator did, if the run is right
        number: position of the gloss in the reference, from 1; if a gloss was left out, position of the next one
        gloss: gloss of the reference; empty if it was left out
        read: gloss that the run recognises; empty if it recognises none
        frames: start and end in the clip, in video frames, end exclusive
        seconds: start and end in seconds; null if the frame rate is unknown
        score: how suspicious the place is ([align](align.md))
    """

    kind: Kind
    number: Positive
    gloss: str
    read: str
    frames: tuple[int, int]
    seconds: tuple[float, float] | None
    score: Amount


class SuspiciousClip(Struct, kw_only=True):
    """A clip of the ranking.

    Attributes:
        clip: id of the clip
        score: score of its most suspicious place; 0 if the hypothesis equals the reference
        reference: glosses as annotated
        hypothesis: glosses that the run recognises
        places: places where the two differ, most suspicious first
    """

    clip: str
    score: Amount
    reference: tuple[str, ...]
    hypothesis: tuple[str, ...]
    places: list[SuspiciousPlace]


class SuspiciousClips(Struct, kw_only=True):
    """A ranking of clips by how wrong their annotation looks.

    Attributes:
        emissions: path of the emissions file
        clips: number of clips in the ranking
        differing: number of clips whose hypothesis differs from the reference
        left_out: by clip id, why it is not in the ranking
        suspicious: the first `--top` clips of the ranking
        table: path of the table that `-o` names, with all clips; null without `-o`
    """

    emissions: Path
    clips: Count
    differing: Count
    left_out: dict[str, str]
    suspicious: list[SuspiciousClip]
    table: Path | None


def write_ranking(path: Path, ranking: Ranking) -> None:
    """Write all clips of a ranking: a row for each place, and one row for a clip without any; tab-separated."""
    rows = ("\t".join(row) + "\n" for number, clip in enumerate(ranking.clips, start=1) for row in _rows(number, clip))
    write_text(path, "\t".join(COLUMNS) + "\n" + "".join(rows))


def clip_figures(clip: ReadClip) -> SuspiciousClip:
    """A clip of a ranking, for JSON."""
    return SuspiciousClip(
        clip=clip.id,
        score=clip.score,
        reference=clip.reference,
        hypothesis=clip.hypothesis,
        places=[
            SuspiciousPlace(
                kind=place.kind,
                number=place.number,
                gloss=place.gloss,
                read=place.read,
                frames=place.span,
                seconds=seconds(clip, place),
                score=place.score,
            )
            for place in clip.places
        ],
    )


def seconds(clip: ReadClip, place: Place) -> tuple[float, float] | None:
    """Start and end of a place; None if the frame rate is not known."""
    if not clip.fps:
        return None
    start, end = place.span
    return round(start / clip.fps, 3), round(end / clip.fps, 3)


def _rows(number: int, clip: ReadClip) -> Iterator[tuple[str, ...]]:
    head, tail = (str(number), clip.id, str(clip.score)), (" ".join(clip.reference), " ".join(clip.hypothesis))
    for place in clip.places:
        times = map(str, seconds(clip, place) or ("", ""))
        frames = map(str, place.span)
        yield (*head, place.kind, str(place.number), place.gloss, place.read, *frames, *times, str(place.score), *tail)
    if not clip.places:
        yield (*head, *[""] * 9, *tail)
