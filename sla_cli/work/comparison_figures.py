"""The figures of a comparison of two systems, or of two groups of runs, as commands print them with --json."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict

from sla_cli.core.clusters import sentences
from sla_cli.core.comparison import Change, Comparison, MatchedPairs, verdict
from sla_cli.core.quantities import Amount, Count, Share
from sla_cli.core.result import Interval, Score
from sla_cli.core.seed_groups import GroupComparison, SeedGroup, group_verdict
from sla_cli.work.figures import Figures, figures_of


class NamedFigures(Figures, kw_only=True, frozen=True):
    """The score of a system or of a run.

    Attributes:
        name: its name
    """

    name: str


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


class Difference(Struct, kw_only=True, frozen=True):
    """How the second of two sides differs from the first.

    Attributes:
        difference: WER of b minus WER of a, in points; for groups the means over the runs
        interval: interval of the difference, in points; null if all clips are in one cluster
        sentences: number of different references
        probability_of_improvement: probability that b is better; null without an interval
        verdict: the conclusion, in one sentence, as printed last
    """

    difference: float
    interval: Interval | None
    sentences: Count
    probability_of_improvement: Share | None
    verdict: str


class ComparisonFigures(Difference, kw_only=True, frozen=True):
    """A comparison of two systems.

    Attributes:
        a: the first system
        b: the second system
        matched_pairs: the MAPSSWE test
        clips: clips by which system is better
        glosses: glosses that only one of the two recognises, largest change first
    """

    a: NamedFigures
    b: NamedFigures
    matched_pairs: MatchedPairs
    clips: ClipCounts
    glosses: list[Change]


class GroupFigures(Struct, kw_only=True, frozen=True):
    """A group of runs that differ in their seed.

    Attributes:
        name: name of the group, as given
        wer: mean word error rate of the runs, in percent
        spread: standard deviation between seeds, in points; null for one run
        interval: interval of the mean, over clips and seeds; null if all clips are in one cluster
        runs: one object for each run
    """

    name: str
    wer: Amount
    spread: Amount | None
    interval: Interval | None
    runs: list[NamedFigures]


class GroupComparisonFigures(Difference, kw_only=True, frozen=True):
    """If at least one of the two systems is a group of runs.

    Attributes:
        a: the first group
        b: the second group
        paired: whether the runs are paired by seed
        pairs: difference of each pair, in points; empty if the runs are not paired
    """

    a: GroupFigures
    b: GroupFigures
    paired: bool
    pairs: list[float]


def comparison_figures(found: Comparison) -> ComparisonFigures:
    """The figures of a comparison. Rates and differences are in percent and points."""
    first, second = found.names
    return ComparisonFigures(
        a=_named(first, found.first),
        b=_named(second, found.second),
        difference=found.difference,
        interval=found.interval,
        sentences=len(set(sentences(found.first.clips))),
        probability_of_improvement=found.improvement,
        matched_pairs=found.test,
        clips=ClipCounts(found.better, found.worse, found.equal),
        glosses=found.changes,
        verdict=verdict(found),
    )


def group_comparison_figures(found: GroupComparison) -> GroupComparisonFigures:
    """The figures of a comparison of groups. Rates, spreads and differences are in percent and points."""
    return GroupComparisonFigures(
        a=group_figures(found.first),
        b=group_figures(found.second),
        difference=found.difference,
        interval=found.interval,
        sentences=len(set(sentences(found.first.scores[0].clips))),
        probability_of_improvement=found.improvement,
        paired=found.paired,
        pairs=found.pairs,
        verdict=group_verdict(found),
    )


def group_figures(group: SeedGroup) -> GroupFigures:
    """The figures of a group: mean, spread, interval, and those of its runs."""
    return GroupFigures(
        name=group.name,
        wer=group.mean,
        spread=group.spread,
        interval=group.interval,
        runs=[_named(name, one) for name, one in zip(group.members, group.scores, strict=True)],
    )


def _named(name: str, score: Score) -> NamedFigures:
    """The figures of a score under the name of a system or a run."""
    return NamedFigures(name=name, **asdict(figures_of(score)))
