"""The result of scoring all clips together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sla_cli.core.breakdown import Breakdown
from sla_cli.core.clip_score import ClipScore, pooled
from sla_cli.core.counted import counted
from sla_cli.core.edit_alignment import Counts
from sla_cli.core.quantities import Count, Level, Positive

FEW = 20  # clusters

Cluster = Literal["sentence", "signer", "recording", "clip"]


@dataclass(frozen=True)
class Interval:
    """A confidence interval from resampling.

    Attributes:
        low: lower end, in percent of the reference words; of a difference in points
        high: upper end, likewise
        level: its confidence in percent
        samples: number of resampled sets
        seed: random seed that drew them
        units: number of clusters that were drawn from, each with all its clips
        cluster: what a cluster is; sentences are distinct references
    """

    low: float
    high: float
    level: Level
    samples: Count
    seed: Count
    units: Positive
    cluster: Cluster = "sentence"

    @property
    def is_rough(self) -> bool:
        """Whether there are so few clusters that the interval is clearly too narrow."""
        return self.units < FEW

    @property
    def drawn(self) -> str:
        """What was drawn, as `537 sentences`."""
        return counted(self.units, self.cluster)


@dataclass(frozen=True)
class Score:
    """A scored set of clips.

    Attributes:
        profile: name of the normalisation used.
        profile_version: version of its rules.
        signature: one line with everything that the number depends on.
        clips: results, in the order of the references.
        absent: ids that the hypotheses did not name and that were scored as empty.
        left_out: ids that only one side named and that a partial score leaves out.
        interval: interval of the WER; None if there is a single cluster, so that nothing can be resampled.
        oracle: counts if the best of each clip's hypotheses had been ranked first; None without n-best lists.
        alternatives: the largest number of hypotheses that a clip has; 1 without n-best lists.
        tuned_on: the split on which the language model's weights were tuned, if it is the split scored here: the WER
            is then too low. "" otherwise, or if unknown.
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

    @cached_property
    def total(self) -> Counts:
        """Counts pooled over all clips."""
        return pooled(self.clips)

    @cached_property
    def breakdown(self) -> Breakdown:
        """Where the errors of all clips are."""
        return Breakdown(self.clips)

    @property
    def remark(self) -> str:
        """A remark about the tuned language model, if `tuned_on` or `no_gain_on` is set, else ""."""
        if self.tuned_on:
            where = f"tuned on {self.tuned_on}, scored here"
            return f"the weights of the language model were {where}: this WER is too optimistic"
        return left_out(self.no_gain_on) if self.no_gain_on else ""


def left_out(no_gain_on: str) -> str:
    """The reason why hypotheses were decoded without the language model that was given."""
    return f"the language model was left out: tuning on {no_gain_on} found no gain"
