"""Which clips are drawn together when clips are resampled: those of one cluster are not independent."""

from __future__ import annotations

from collections.abc import Sequence

from sla_cli.core.clip import one_spelling
from sla_cli.core.clip_score import ClipScore
from sla_cli.core.counted import counted
from sla_cli.core.result import Cluster
from sla_cli.core.word_numbers import WordNumbers
from sla_cli.errors import SlaError, some

RECORDED = {
    "signer": "Stores, STM files and tables with a column signer contain it, and score folders too.",
    "recording": "Of all references only stores contain it, and score folders too.",
}


def clusters(clips: Sequence[ClipScore], kind: Cluster) -> list[int]:
    """A number from 0 for each clip, the same for clips of one cluster; no number is left out.

    Args:
        kind: `sentence` (references that are equal apart from case), `signer`, `recording` (the file or folder that the
            corpus cuts its clips from), or `clip` (each by itself).

    Raises:
        SlaError: the signer or recording of a clip is not known.
    """
    if kind == "clip":
        return list(range(len(clips)))
    if kind == "sentence":
        return sentences(clips)
    names = one_spelling(clip.signer for clip in clips) if kind == "signer" else [clip.recording for clip in clips]
    if unknown := [clip.id for clip, name in zip(clips, names, strict=True) if not name]:
        raise SlaError(
            f"no {kind} is recorded for {len(unknown)} of {counted(len(clips), 'clip')} ({some(unknown)}), "
            f"so they cannot be drawn by {kind}",
            f"{RECORDED[kind]} Or draw by sentence: leave --cluster out.",
        )
    numbers: dict[str, int] = {}
    return [numbers.setdefault(name, len(numbers)) for name in names]


def sentences(clips: Sequence[ClipScore]) -> list[int]:
    """A number for each clip, the same for clips whose references are equal apart from case."""
    words, numbers = WordNumbers(), dict[tuple[int, ...], int]()
    return [numbers.setdefault(tuple(map(words.__getitem__, clip.reference)), len(numbers)) for clip in clips]
