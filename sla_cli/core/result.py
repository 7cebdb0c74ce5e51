"""What scoring answers: per clip and for the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sla_cli.core.edit_alignment import Counts, Pair, align, align_all, count, total

FEW = 20  # clusters

Cluster = Literal["sentence", "signer", "recording", "clip"]


@dataclass(frozen=True)
class Interval:
    """A confidence interval from resampling.

    Attributes:
        low, high: its ends, in percent (of the reference words).
        level: its confidence in percent.
        samples, seed: how many resampled sets it comes from, and the seed that drew them.
        units: how many were drawn from, each with all its clips.
        cluster: what these are; sentences are distinct references.
    """

    low: float
    high: float
    level: float
    samples: int
    seed: int
    units: int
    cluster: Cluster = "sentence"

    @property
    def is_rough(self) -> bool:
        """Whether it comes from so few clusters that it is clearly too narrow."""
        return self.units < FEW

    @property
    def drawn(self) -> str:
        """What was drawn: `537 sentences`."""
        return f"{self.units} {self.cluster}s"

    @property
    def made(self) -> dict[str, Any]:
        """How it was made, JSON values. The number of clusters is named by what they are: `sentences`, `signers`."""
        return {"level": self.level, "samples": self.samples, "seed": self.seed, f"{self.cluster}s": self.units}

    @classmethod
    def of(cls, low: float, high: float, made: Mapping[str, Any]) -> Interval:
        """The interval with these ends that `made` is of. Raises KeyError where a key is missing."""
        cluster: Cluster = next((kind for kind in get_args(Cluster) if f"{kind}s" in made), "sentence")
        return cls(low, high, made["level"], made["samples"], made["seed"], made[f"{cluster}s"], cluster)


@dataclass(frozen=True)
class ClipScore:
    """One clip's alignment, after normalisation.

    Attributes:
        id: clip id.
        pairs: the alignment in order.
        counts: what it adds to the score.
        signer: "" where unknown.
        recording: what the corpus cuts the clip from, a path; "" where unknown.
    """

    id: str
    pairs: tuple[Pair, ...]
    counts: Counts
    signer: str = ""
    recording: str = ""

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
        interval: of the WER; None where there is a single cluster, which leaves nothing to resample.
        oracle: counts if the best of each clip's alternatives had come first; None without alternatives.
        alternatives: the most that a clip has; 1 without.
        tuned_on: the split on which the language model's weights were tuned, where that is the split scored here:
            then the rate is too good. "" otherwise, or where unknown.
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

    @property
    def total(self) -> Counts:
        """Counts pooled over all clips."""
        return pooled(self.clips)


def score_clip(
    id: str, reference: Sequence[str], hypothesis: Sequence[str], signer: str = "", recording: str = ""
) -> ClipScore:
    """Align one clip's glosses as they are: normalise first."""
    pairs = tuple(align(reference, hypothesis))
    return ClipScore(id, pairs, count(pairs), signer, recording)


def score_clips(clips: Iterable[tuple[str, Sequence[str], Sequence[str], str, str]]) -> Iterator[ClipScore]:
    """What `score_clip` answers for each id, reference, hypothesis, signer and recording; quicker than one by one."""
    listed = list(clips)
    alignments = align_all([clip[1] for clip in listed], [clip[2] for clip in listed])
    for (name, _, _, signer, recording), pairs in zip(listed, alignments, strict=True):
        yield ClipScore(name, tuple(pairs), count(pairs), signer, recording)


def pooled(clips: Sequence[ClipScore]) -> Counts:
    """The sum of the clips' counts."""
    return total([clip.counts for clip in clips])
