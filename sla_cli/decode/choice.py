"""Which trial of a grid is taken, and what it gains over no language model: a gain is to be told from luck.

The fewest errors on a small dev split are often luck. Settings that the clips do not tell apart from them are as good,
and of those the mildest does least harm. Breiman et al. 1984, "Classification and regression trees", take one
standard error; that costs errors where a model helps, a tenth does not (docs/decoding.md, benchmarks/tuning.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.bootstrap import Resampling, difference_interval
from sla_cli.core.clusters import sentences
from sla_cli.core.result import Interval
from sla_cli.decode.grid_search import GridPoint, Trial

STANDARD_ERRORS = 0.1  # this far from the fewest errors, a setting counts as good as the best

Table = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorTable:
    """Errors by sentence and setting. Clips with one reference are one sentence, as in `core.bootstrap`.

    Attributes:
        points: the settings, each once.
        errors: float64 (sentences, settings).
        words: float64 (sentences,), of the references.
    """

    points: tuple[GridPoint, ...]
    errors: Table
    words: Table

    @cached_property
    def by_mildness(self) -> list[int]:
        """Columns from the mildest to the boldest setting."""
        return sorted(range(len(self.points)), key=lambda column: mildness(self.points[column]))

    def take(self, drawn: Table | None = None, standard_errors: float = STANDARD_ERRORS) -> int:
        """The column of the mildest setting within so many standard errors of the fewest errors.

        The standard error is that of the difference to the setting with the fewest errors, paired by sentence.

        Args:
            drawn: float64 (sentences,), how often each sentence counts; None for once.
        """
        weights = np.ones(len(self.words)) if drawn is None else drawn
        totals, count = weights @ self.errors, weights.sum()
        best = next(column for column in self.by_mildness if totals[column] <= totals.min())
        more = self.errors - self.errors[:, [best]]
        difference = weights @ more
        residuals = more - np.outer(self.words, difference / max(float(weights @ self.words), 1.0))
        error = np.sqrt(weights @ residuals**2 * count / max(count - 1, 1))
        as_good = difference <= standard_errors * error
        return next(column for column in self.by_mildness if as_good[column])


@dataclass(frozen=True)
class Choice:
    """What was taken of a grid.

    Attributes:
        taken: the mildest trial that is as good as the best.
        lowest: the one with the fewest errors.
        without: no language model, at the beam of `taken`.
        interval: of the WER of `taken` less that of `without`, in points. It allows for the choice, which was made on
            these very clips. None where `taken` is no language model, or all clips have one reference.
    """

    taken: Trial
    lowest: Trial
    without: Trial
    interval: Interval | None

    @property
    def difference(self) -> float:
        """WER of what was taken less that without a language model, in points."""
        return self.taken.counts.wer - self.without.counts.wer


def mildness(point: GridPoint) -> tuple[float, ...]:
    """Sorts settings from the mildest, no language model, on: by alpha, then by the size of beta, then by beam."""
    return abs(point.alpha), abs(point.beta), point.beta, point.beam


def choose(trials: Sequence[Trial], without: Sequence[Trial], how: Resampling | None = None) -> Choice:
    """Choose among trials of the same clips.

    Args:
        trials: at least one.
        without: no language model, for each beam of the trials.
        how: how the interval is made.
    """
    table = error_table(trials)
    taken = trials[table.take()]
    lowest = min(trials, key=lambda trial: (trial.counts.errors, mildness(trial.point)))
    baselines = {trial.point: trial for trial in without}
    baseline = baselines[taken.point.without]
    interval = None
    if taken.point != baseline.point:
        interval = _gain(taken, trials, baselines, table, how or Resampling())
    return Choice(taken, lowest, baseline, interval)


def error_table(trials: Sequence[Trial]) -> ErrorTable:
    """The errors of trials by sentence."""
    sentence = sentences(trials[0].clips)
    words = np.bincount(sentence, [clip.counts.ref_words for clip in trials[0].clips]).astype(np.float64)
    errors = [np.bincount(sentence, [clip.counts.errors for clip in trial.clips]) for trial in trials]
    return ErrorTable(tuple(trial.point for trial in trials), np.stack(errors, axis=1).astype(np.float64), words)


def _gain(
    taken: Trial, trials: Sequence[Trial], baselines: dict[GridPoint, Trial], table: ErrorTable, how: Resampling
) -> Interval | None:
    """The paired bootstrap, its end towards no gain moved: that takes the setting for given, but luck chose with us."""
    found = difference_interval(baselines[taken.point.without].clips, taken.clips, how)
    if found is None:
        return None
    paired, _ = found
    gains = table.errors - error_table([baselines[trial.point.without] for trial in trials]).errors
    seen = 100 * float(gains[:, table.points.index(taken.point)].sum() / max(table.words.sum(), 1.0))
    luck = float(np.quantile(optimism(table, gains, how), (1 - how.level / 100) / 2))
    return replace(paired, high=max(paired.high, seen - luck))


def optimism(table: ErrorTable, gains: Table, how: Resampling) -> Table:
    """How much better than in truth a choice looks on the sentences that it was made on (Efron 1983, "Estimating the
    error rate of a prediction rule"), by the bootstrap.

    The choice is made again on each resampled set of sentences, for which all of them stand as the truth.

    Args:
        gains: float64 (sentences, settings), errors less those without a language model.

    Returns:
        float64 (samples,), in points: what is chosen on a set gains there, less what it gains on all; mostly below 0.
    """
    count, whole = len(table.words), gains.sum(axis=0) / max(table.words.sum(), 1.0)
    drawn = np.random.default_rng(how.seed).multinomial(count, np.full(count, 1 / count), size=how.samples)
    found = []
    for weights in drawn.astype(np.float64):
        column = table.take(weights)
        found.append(weights @ gains[:, column] / max(float(weights @ table.words), 1.0) - whole[column])
    return 100 * np.array(found, np.float64)
