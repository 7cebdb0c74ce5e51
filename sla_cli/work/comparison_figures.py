"""The figures of a comparison of two systems, or of two groups of runs, as commands print them with --json."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from sla_cli.core.clusters import sentences
from sla_cli.core.comparison import Change, Comparison, MatchedPairs, verdict
from sla_cli.core.quantities import Amount, Count, Positive, Share
from sla_cli.core.result import Cluster, Score
from sla_cli.core.seed_groups import GroupComparison, SeedGroup, group_verdict
from sla_cli.work.figures import Ends, WordCounts, counts_of, ends_of


class SystemFigures(Struct, kw_only=True, frozen=True):
    """One of two systems that are compared.

    Attributes:
        name: name of the system
        wer: word error rate in percent
        interval: lower and upper end of the interval of the rate, in percent; null if all clips are in one cluster
        errors: number of errors
        ref_words: number of reference glosses
        signature: one line with everything that the rate depends on
        tuned_on: Only if the weights were tuned on the same clips: the split
        no_gain_on: Only if the language model was left out because tuning found no gain: the split of the tuning
    """

    name: str
    wer: Amount
    interval: Ends | None
    errors: Count
    ref_words: Count
    signature: str
    tuned_on: str | UnsetType = UNSET
    no_gain_on: str | UnsetType = UNSET


class ClipCounts(Struct, frozen=True):
    """Clips by which system is better.

    Attributes:
        better: number of clips in which b has fewer errors
        worse: number of clips in which b has more errors
        equal: number of clips in which both have as many errors
    """

    better: Count
    worse: Count
    equal: Count


class ComparisonFigures(Struct, kw_only=True, frozen=True):
    """A comparison of two systems.

    Attributes:
        a: the first system
        b: the second system
        difference: WER of b minus WER of a, in points
        interval: lower and upper end of the interval of the difference, in points; null if all clips are in one cluster
        level: confidence level of the interval, in percent; null without an interval
        cluster: kind of cluster that is resampled
        units: number of clusters
        sentences: number of different references
        probability_of_improvement: probability that b is better; null without an interval
        matched_pairs: the MAPSSWE test
        clips: clips by which system is better
        glosses: glosses that only one of the two recognises, largest change first
        verdict: the conclusion, in one sentence, as printed last
    """

    a: SystemFigures
    b: SystemFigures
    difference: float
    interval: Ends | None
    level: float | None
    cluster: Cluster
    units: Positive
    sentences: Count
    probability_of_improvement: Share | None
    matched_pairs: MatchedPairs
    clips: ClipCounts
    glosses: list[Change]
    verdict: str


class RunFigures(WordCounts, kw_only=True, frozen=True):
    """A run of a group.

    Attributes:
        name: name of the run
        wer: word error rate in percent
    """

    name: str
    wer: Amount


class GroupFigures(Struct, kw_only=True, frozen=True):
    """A group of runs that differ in their seed.

    Attributes:
        name: name of the group, as given
        wer: mean word error rate of the runs, in percent
        spread: standard deviation between seeds, in points; null for one run
        interval: lower and upper end of the interval of the mean, over clips and seeds, in percent; null if all clips
            are in one cluster
        runs: one object for each run
    """

    name: str
    wer: Amount
    spread: Amount | None
    interval: Ends | None
    runs: list[RunFigures]


class GroupComparisonFigures(Struct, kw_only=True, frozen=True):
    """If at least one of the two systems is a group of runs.

    Attributes:
        a: the first group
        b: the second group
        difference: mean WER of b minus mean WER of a, in points
        interval: lower and upper end of the interval of the difference, in points; null if all clips are in one cluster
        level: confidence level of the interval, in percent; null without an interval
        cluster: kind of cluster that is resampled, in addition to seeds
        units: number of clusters
        sentences: number of different references
        probability_of_improvement: probability that b is better; null without an interval
        paired: whether the runs are paired by seed
        pairs: difference of each pair, in points; empty if the runs are not paired
        verdict: the conclusion, in one sentence, as printed last
    """

    a: GroupFigures
    b: GroupFigures
    difference: float
    interval: Ends | None
    level: float | None
    cluster: Cluster
    units: Positive
    sentences: Count
    probability_of_improvement: Share | None
    paired: bool
    pairs: list[float]
    verdict: str


def comparison_figures(found: Comparison) -> ComparisonFigures:
    """The figures of a comparison. Rates and differences are in percent and points."""
    first, second = found.names
    return ComparisonFigures(
        a=_system(first, found.first),
        b=_system(second, found.second),
        difference=found.difference,
        interval=ends_of(found.interval),
        level=found.interval.level if found.interval else None,
        cluster=found.cluster,
        units=found.interval.units if found.interval else 1,
        sentences=len(set(sentences(found.first.clips))),
        probability_of_improvement=found.improvement,
        matched_pairs=found.test,
        clips=ClipCounts(found.better, found.worse, found.equal),
        glosses=found.changes,
        verdict=verdict(found),
    )


def _system(name: str, score: Score) -> SystemFigures:
    return SystemFigures(
        name=name,
        wer=score.total.wer,
        interval=ends_of(score.interval),
        errors=score.total.errors,
        ref_words=score.total.ref_words,
        signature=score.signature,
        tuned_on=score.tuned_on or UNSET,
        no_gain_on=score.no_gain_on or UNSET,
    )


def group_comparison_figures(found: GroupComparison) -> GroupComparisonFigures:
    """The figures of a comparison of groups. Rates, spreads and differences are in percent and points."""
    return GroupComparisonFigures(
        a=group_figures(found.first),
        b=group_figures(found.second),
        difference=found.difference,
        interval=ends_of(found.interval),
        level=found.interval.level if found.interval else None,
        cluster=found.cluster,
        units=found.interval.units if found.interval else 1,
        sentences=len(set(sentences(found.first.scores[0].clips))),
        probability_of_improvement=found.improvement,
        paired=found.paired,
        pairs=found.pairs,
        verdict=group_verdict(found),
    )


def group_figures(group: SeedGroup) -> GroupFigures:
    """The figures of a group: mean, spread, interval, and those of its runs."""
    runs = zip(group.members, group.scores, strict=True)
    return GroupFigures(
        name=group.name,
        wer=group.mean,
        spread=group.spread,
        interval=ends_of(group.interval),
        runs=[RunFigures(**counts_of(one.total), name=name, wer=one.total.wer) for name, one in runs],
    )
