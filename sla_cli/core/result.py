"""What scoring answers: per clip and for the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sla_cli.core.align import Counts, Pair, align, count


@dataclass(frozen=True)
class ClipScore:
    """One clip's alignment, after normalisation.

    Attributes:
        id: clip id.
        pairs: the alignment in order.
        counts: what it adds to the score.
    """

    id: str
    pairs: tuple[Pair, ...]
    counts: Counts

    @property
    def reference(self) -> tuple[str, ...]:
        return tuple(pair.reference for pair in self.pairs if pair.reference is not None)

    @property
    def hypothesis(self) -> tuple[str, ...]:
        return tuple(pair.hypothesis for pair in self.pairs if pair.hypothesis is not None)


@dataclass(frozen=True)
class Score:
    """A scored set of clips.

    Attributes:
        profile, profile_version: the normalisation used.
        signature: one line that says how the number came about.
        clips: results, in the order of the references.
        absent: ids the hypotheses did not name and that were scored as empty.
        left_out: ids that only one side named and that a partial score leaves out.
    """

    profile: str
    profile_version: int
    signature: str
    clips: tuple[ClipScore, ...]
    absent: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def total(self) -> Counts:
        """Counts pooled over all clips."""
        return pooled(self.clips)


def score_clip(id: str, reference: Sequence[str], hypothesis: Sequence[str]) -> ClipScore:
    """Align one clip's glosses as they are: normalise first."""
    pairs = tuple(align(reference, hypothesis))
    return ClipScore(id, pairs, count(pairs))


def pooled(clips: Sequence[ClipScore]) -> Counts:
    """The sum of the clips' counts."""
    return sum((clip.counts for clip in clips), Counts())
