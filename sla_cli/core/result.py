"""What scoring answers: per clip and for the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sla_cli.core.edit_alignment import Counts, Pair, align, align_all, count, total

FEW = 20  # sentences


@dataclass(frozen=True)
class Interval:
    """A confidence interval from resampling.

    Attributes:
        low, high: its ends, in percent (of the reference words).
        level: its confidence in percent.
        samples, seed: how many resampled sets it comes from, and the seed that drew them.
        sentences: how many were drawn from: distinct references, each with all its clips.
    """

    low: float
    high: float
    level: float
    samples: int
    seed: int
    sentences: int

    @property
    def is_rough(self) -> bool:
        """Whether it comes from so few sentences that it is clearly too narrow."""
        return self.sentences < FEW


@dataclass(frozen=True)
class ClipScore:
    """One clip's alignment, after normalisation.

    Attributes:
        id: clip id.
        pairs: the alignment in order.
        counts: what it adds to the score.
        signer: "" where unknown.
    """

    id: str
    pairs: tuple[Pair, ...]
    counts: Counts
    signer: str = ""

    @property
    def reference(self) -> tuple[str, ...]:
        return tuple([pair[1] for pair in self.pairs if pair[1] is not None])

    @property
    def hypothesis(self) -> tuple[str, ...]:
        return tuple([pair[2] for pair in self.pairs if pair[2] is not None])


@dataclass(frozen=True)
class Score:
    """A scored set of clips.

    Attributes:
        profile, profile_version: the normalisation used.
        signature: one line with all that the number depends on.
        clips: results, in the order of the references.
        absent: ids the hypotheses did not name and that were scored as empty.
        left_out: ids that only one side named and that a partial score leaves out.
        interval: of the WER; None where a single reference sentence leaves nothing to resample.
        oracle: counts if the best of each clip's alternatives had come first; None without alternatives.
        alternatives: the most that a clip has; 1 without.
        tuned_on: the split on which the language model's weights were tuned, where that is the split scored here:
            then the rate is too good. "" otherwise, or where unknown.
        no_gain_on: the split on which tuning found no gain of the language model, so that it was left out; else "".
    """

    profile: str
    profile_version: int
    signature: str
    clips: tuple[ClipScore, ...]
    absent: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    interval: Interval | None = None
    oracle: Counts | None = None
    alternatives: int = 1
    tuned_on: str = ""
    no_gain_on: str = ""

    @property
    def total(self) -> Counts:
        """Counts pooled over all clips."""
        return pooled(self.clips)

    @property
    def remark(self) -> str:
        """What is to be said of the language model where it was tuned, "" for nothing."""
        if self.tuned_on:
            where = f"tuned on {self.tuned_on}, scored here"
            return f"the weights of the language model were {where}: this WER is too optimistic"
        return left_out(self.no_gain_on) if self.no_gain_on else ""


def left_out(no_gain_on: str) -> str:
    """Says why hypotheses were decoded without the language model that was given."""
    return f"the language model was left out: tuning on {no_gain_on} found no gain"


def score_clip(id: str, reference: Sequence[str], hypothesis: Sequence[str], signer: str = "") -> ClipScore:
    """Align one clip's glosses as they are: normalise first."""
    pairs = tuple(align(reference, hypothesis))
    return ClipScore(id, pairs, count(pairs), signer)


def score_clips(clips: Iterable[tuple[str, Sequence[str], Sequence[str], str]]) -> Iterator[ClipScore]:
    """What `score_clip` answers for each id, reference, hypothesis and signer; quicker than one by one."""
    listed = list(clips)
    alignments = align_all([clip[1] for clip in listed], [clip[2] for clip in listed])
    for (name, _, _, signer), pairs in zip(listed, alignments, strict=True):
        yield ClipScore(name, tuple(pairs), count(pairs), signer)


def pooled(clips: Sequence[ClipScore]) -> Counts:
    """The sum of the clips' counts."""
    return total([clip.counts for clip in clips])
