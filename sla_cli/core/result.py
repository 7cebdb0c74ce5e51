"""What scoring answers for all clips together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sla_cli.core.breakdown import Breakdown
from sla_cli.core.clip_score import ClipScore, pooled
from sla_cli.core.edit_alignment import Counts

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

    @cached_property
    def total(self) -> Counts:
        """Counts pooled over all clips."""
        return pooled(self.clips)

    @cached_property
    def breakdown(self) -> Breakdown:
        """Where the errors of all clips lie."""
        return Breakdown(self.clips)
