"""The result of scoring one clip, and the counts of several together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sla_cli.core.edit_alignment import Counts, Pair, align, align_all, count, total


@dataclass(frozen=True)
class ClipScore:
    """One clip's alignment, after normalisation.

    Attributes:
        id: clip id.
        pairs: the alignment in order.
        counts: what it adds to the score.
        signer: name of the signer, "" if unknown.
        recording: what the corpus cuts the clip from, a path; "" if unknown.
    """

    id: str
    pairs: tuple[Pair, ...]
    counts: Counts
    signer: str = ""
    recording: str = ""

    @property
    def reference(self) -> tuple[str, ...]:
        """Glosses of the reference."""
        return tuple([gloss for pair in self.pairs if (gloss := pair[1]) is not None])

    @property
    def hypothesis(self) -> tuple[str, ...]:
        """Glosses of the hypothesis."""
        return tuple([gloss for pair in self.pairs if (gloss := pair[2]) is not None])


def score_clip(
    id: str, reference: Sequence[str], hypothesis: Sequence[str], signer: str = "", recording: str = ""
) -> ClipScore:
    """Align one clip's glosses as they are: normalise first."""
    pairs = tuple(align(reference, hypothesis))
    return ClipScore(id, pairs, count(pairs), signer, recording)


def score_clips(clips: Iterable[tuple[str, Sequence[str], Sequence[str], str, str]]) -> Iterator[ClipScore]:
    """The result of `score_clip` for each id, reference, hypothesis, signer and recording; faster than one by one."""
    listed = list(clips)
    alignments = align_all([clip[1] for clip in listed], [clip[2] for clip in listed])
    for (name, _, _, signer, recording), pairs in zip(listed, alignments, strict=True):
        yield ClipScore(name, tuple(pairs), count(pairs), signer, recording)


def pooled(clips: Sequence[ClipScore]) -> Counts:
    """The sum of the clips' counts."""
    return total([clip.counts for clip in clips])
