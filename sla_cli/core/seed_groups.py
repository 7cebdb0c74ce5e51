"""Groups of runs of one configuration, trained with several seeds: their mean and its uncertainty from clips and seeds.

Both clips and seeds are drawn, each with replacement (Owen, "The pigeonhole bootstrap", Annals of Applied Statistics
2007). Of n seeds n - 1 are drawn: with so few, n would give too small a variance (Rao & Wu, "Resampling inference with
complex survey data", JASA 1988).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sla_cli.core.bootstrap import LEVEL, Resampling, improvement, interval_of, resampled_rates
from sla_cli.core.counted import counted
from sla_cli.core.result import Cluster, Interval, Score

FEW_SEEDS = 3


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one configuration.

    Attributes:
        name: name of the configuration.
        members: name of each run.
        scores: score of each run, clips in the same order.
        interval: of the mean WER; of a single run, over clips only. None if all clips are of one cluster.
    """

    name: str
    members: tuple[str, ...]
    scores: tuple[Score, ...]
    interval: Interval | None

    @property
    def rates(self) -> list[float]:
        """WER of each run, in percent."""
        return [score.total.wer for score in self.scores]

    @property
    def mean(self) -> float:
        return float(np.mean(self.rates))

    @property
    def spread(self) -> float | None:
        """Standard deviation of the runs' WER in points (n - 1); None for a single run."""
        return spread(self.rates)


@dataclass(frozen=True)
class GroupComparison:
    """Two groups on the same references; differences are second minus first, so below 0 the second is better.

    Attributes:
        paired: whether the runs are paired by seed (the first with the first, and so on), and drawn in pairs.
        interval: of the difference of the mean WER, in points; None if all clips are of one cluster.
        cluster: what was drawn in addition to seeds.
        improvement: share of resampled sets in which the second makes fewer errors; a tie counts half.
    """

    first: SeedGroup
    second: SeedGroup
    paired: bool
    interval: Interval | None
    cluster: Cluster
    improvement: float | None

    @property
    def difference(self) -> float:
        """Mean WER of the second minus that of the first, in points."""
        return self.second.mean - self.first.mean

    @property
    def pairs(self) -> list[float]:
        """The difference of each pair of runs, in points; empty if they are not paired."""
        return [b - a for a, b in zip(self.first.rates, self.second.rates, strict=True)] if self.paired else []


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation (n - 1), None for a single value."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def mean_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Interval of the mean of WERs at LEVEL, by Student's t, never below 0; None for a single value."""
    from scipy.special import stdtrit  # slow to import, and few commands need it

    deviation = spread(values)
    if deviation is None:
        return None
    half = float(stdtrit(len(values) - 1, (1 + LEVEL / 100) / 2)) * deviation / len(values) ** 0.5
    mean = float(np.mean(values))
    return max(0.0, mean - half), mean + half


def seed_group(name: str, members: Sequence[str], scores: Sequence[Score], how: Resampling) -> SeedGroup:
    """A group with its interval over clips and seeds. Raises SlaError if it is not known what to draw.

    Args:
        scores: with the same clips in the same order.
    """
    found = resampled_rates(scores[0].clips, _errors(scores), how)
    interval = None
    if found is not None:
        rates, units = found
        interval = interval_of(_mean_of_drawn(rates, _drawn_seeds(len(scores), how)), units, how)
    return SeedGroup(name, tuple(members), tuple(scores), interval)


def compare_groups(first: SeedGroup, second: SeedGroup, *, paired: bool, how: Resampling) -> GroupComparison:
    """Compare two groups whose scores have the same clips in the same order.

    Args:
        paired: draw pairs of runs, else the runs of each group separately.

    Raises:
        SlaError: it is not known what to draw.
    """
    found = resampled_rates(first.scores[0].clips, _errors([*first.scores, *second.scores]), how)
    if found is None:
        return GroupComparison(first, second, paired, None, how.cluster, None)
    rates, units = found
    size = len(first.scores)
    seeds = _drawn_seeds(size, how)
    others = seeds if paired else _drawn_seeds(len(second.scores), how, stream=2)
    differences = _mean_of_drawn(rates[size:], others) - _mean_of_drawn(rates[:size], seeds)
    interval = interval_of(differences, units, how)
    return GroupComparison(first, second, paired, interval, how.cluster, improvement(differences))


def group_verdict(found: GroupComparison) -> str:
    """The conclusion in one sentence; the interval decides, if there are enough clusters and seeds."""
    if found.interval is None:
        return "No conclusion is possible: all clips belong to one cluster, so there is nothing to resample."
    if not found.difference:
        return f"No difference is shown: {found.first.name} and {found.second.name} have the same mean WER."
    pair = (found.second.name, found.first.name)
    better, worse = pair if found.difference < 0 else pair[::-1]
    points = f"{abs(found.difference):.2f} points"
    if found.interval.low <= 0 <= found.interval.high:
        return f"No difference is shown: {better} has {points} less, which may well be chance."
    seeds = min(len(found.first.scores), len(found.second.scores))
    few = [found.interval.drawn] * found.interval.is_rough
    few += [counted(seeds, "seed")] * (seeds < FEW_SEEDS)
    if few:
        verb = "is" if few == ["1 seed"] else "are"
        return f"Undecided: {better} has {points} less, but {' and '.join(few)} {verb} too few to rule out chance."
    return f"{better} is better than {worse} by {points}, more than chance explains."


def _errors(scores: Sequence[Score]) -> list[list[int]]:
    return [[clip.counts.errors for clip in score.clips] for score in scores]


def _drawn_seeds(count: int, how: Resampling, stream: int = 1) -> np.ndarray:
    """int64 (samples, count - 1), or (samples, 1) for one: numbers of runs, drawn with replacement."""
    rng = np.random.default_rng((how.seed, stream))  # different from the draws of the clips
    return rng.integers(0, count, (how.samples, max(1, count - 1)))


def _mean_of_drawn(rates: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """float64 (samples,): for each sample the mean rate of the runs drawn in it.

    Args:
        rates: float64 (runs, samples).
    """
    return np.take_along_axis(rates, seeds.T, axis=0).mean(axis=0)
