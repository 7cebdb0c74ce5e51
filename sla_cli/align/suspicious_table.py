"""A ranking of suspicious references as rows for a table file, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from sla_cli.align.suspicious import Ranking, ReadClip
from sla_cli.artifact.table import write_tsv
from sla_cli.core.quantities import Amount, Count
from sla_cli.system.atomic import Check

PLACE = ("kind", "number", "gloss", "read", "start_frame", "end_frame", "start", "end", "score")
COLUMNS = ("rank", "clip", "recording", "clip_score", *PLACE, "reference", "hypothesis")


class SuspiciousClips(Struct, kw_only=True):
    """A ranking of clips by how wrong their annotation looks.

    Attributes:
        emissions: path of the emissions file
        clips: number of clips in the ranking
        differing: number of clips whose hypothesis differs from the reference
        wer: word error rate of the hypotheses against these references, in percent; 0 without glosses
        left_out: by clip id, why it is not in the ranking
        suspicious: the first `--top` clips of the ranking
        table: path of the table that `-o` names, with all clips; null without `-o`, and with `--format eaf`
        eaf: paths of the ELAN files, with the places of the first `--top` clips
    """

    emissions: Path
    clips: Count
    differing: Count
    wer: Amount
    left_out: dict[str, str]
    suspicious: tuple[ReadClip, ...]
    table: Path | None
    eaf: tuple[Path, ...]


def write_ranking(path: Path, ranking: Ranking, *, check: Check | None = None) -> None:
    """Write all clips of a ranking: a row for each place, and one row for a clip without any; tab-separated.

    `check` is as for `atomic_write`.
    """
    rows = (row for number, clip in enumerate(ranking.clips, start=1) for row in _rows(number, clip))
    write_tsv(path, COLUMNS, rows, check=check, keep=True)


def _rows(rank: int, clip: ReadClip) -> Iterator[tuple[object, ...]]:
    head, tail = (rank, clip.id, clip.recording, clip.score), (" ".join(clip.reference), " ".join(clip.hypothesis))
    for place in clip.places:
        times = place.seconds or ("", "")
        yield (*head, place.kind, place.number, place.gloss, place.read, *place.frames, *times, place.score, *tail)
    if not clip.places:
        yield (*head, *[""] * len(PLACE), *tail)
