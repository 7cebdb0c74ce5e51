"""Chooses a trial of a grid, and computes its gain over no language model, with chance taken into account.

On a small dev split the lowest number of errors is often chance. Settings that the clips cannot distinguish from it are
equally good, and of those the one with the smallest weights is the safest. Breiman et al. 1984, "Classification and
regression trees", use one standard error; that costs errors if a model helps, a tenth does not
(docs/experiments/tuning.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.bootstrap import Resampling
from sla_cli.core.clusters import sentences
from sla_cli.core.result import Interval
from sla_cli.decode.grid_search import GridPoint, Trial

STANDARD_ERRORS = 0.1  # within this distance of the fewest errors, a setting counts as equal to the best
TOLERANCE = 1e-9  # errors; by how much rounding may separate equal numbers

Table = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorTable:
    """Errors by sentence and setting. Clips with the same reference are one sentence, as in `core.bootstrap`.

    Attributes:
        points: the settings, each once.
        errors: float64 (sentences, settings).
        words: float64 (sentences,), words of the references.
    """

    points: tuple[GridPoint, ...]
    errors: Table
    words: Table

    @cached_property
    def by_mildness(self) -> list[int]:
        """Columns in order of the weights, the smallest first."""
        return sorted(range(len(self.points)), key=lambda column: mildness(self.points[column]))

    def take(self, standard_errors: float = STANDARD_ERRORS) -> int:
        """The column of the setting with the smallest weights within this many standard errors of the fewest errors.

        The standard error is that of the difference to the setting with the fewest errors, paired by sentence.
        """
        return int(self.take_each(np.ones((1, len(self.words))), standard_errors)[0])

    def take_each(self, drawn: Table, standard_errors: float = STANDARD_ERRORS) -> NDArray[np.intp]:
        """The result of `take` for each set of sentences that is drawn from these.

        Args:
            drawn: float64 (sets, sentences), how often each sentence counts.

        Returns:
            (sets,), columns.
        """
        order, count = np.array(self.by_mildness), drawn.sum(axis=1, keepdims=True)
        best = order[(drawn @ self.errors)[:, order].argmin(axis=1)]
        words, squares = np.maximum(drawn @ self.words, 1.0)[:, None], (drawn @ self.words**2)[:, None]
        taken = np.empty(len(drawn), np.intp)
        for column in np.unique(best):
            here = best == column
            weights, more = drawn[here], self.errors - self.errors[:, [column]]
            difference = weights @ more
            rate = difference / words[here]
            # The sum of (more - rate * words) squared, without an array of sets by sentences by settings.
            mixed = weights @ (more * self.words[:, None])
            residuals = np.maximum(weights @ more**2 - 2 * rate * mixed + rate**2 * squares[here], 0.0)
            error = np.sqrt(residuals * count[here] / np.maximum(count[here] - 1, 1))
            as_good = difference <= standard_errors * error + TOLERANCE
            taken[here] = order[as_good[:, order].argmax(axis=1)]
        return taken


@dataclass(frozen=True)
class Choice:
    """The choice from a grid.

    Attributes:
        taken: the trial with the smallest weights of those that count as equal to the best.
        lowest: the one with the fewest errors.
        without: no language model, at the beam of `taken`.
        interval: of the WER of `taken` minus that of `without`, in points. It allows for the choice, which was made on
            these same clips. None if `taken` is not a language model, or all clips have one reference.
    """

    taken: Trial
    lowest: Trial
    without: Trial
    interval: Interval | None

    @property
    def difference(self) -> float:
        """WER of the choice minus that without a language model, in points."""
        return self.taken.counts.wer - self.without.counts.wer


def mildness(point: GridPoint) -> tuple[float, ...]:
    """Sort key of settings; no language model is first: by alpha, then by the size of beta, then by beam."""
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
        gains = table.errors - error_table([baselines[trial.point.without] for trial in trials]).errors
        interval = gain_interval(table, gains, table.take(), how or Resampling())
    return Choice(taken, lowest, baseline, interval)


def error_table(trials: Sequence[Trial]) -> ErrorTable:
    """The errors of trials by sentence."""
    sentence = sentences(trials[0].clips)
    words = np.bincount(sentence, [clip.counts.ref_words for clip in trials[0].clips]).astype(np.float64)
    errors = [np.bincount(sentence, [clip.counts.errors for clip in trial.clips]) for trial in trials]
    return ErrorTable(tuple(trial.point for trial in trials), np.stack(errors, axis=1).astype(np.float64), words)


def gain_interval(table: ErrorTable, gains: Table, taken: int, how: Resampling) -> Interval | None:
    """The interval of the gain of the setting that was chosen on a table.

    The paired bootstrap treats the setting as fixed, but chance influenced the choice. So the choice is made again on
    each resampled set of sentences, and all sentences serve as the truth: the setting chosen on a set looks better on
    it than it is (Efron 1983, "Estimating the error rate of a prediction rule"; Tibshirani & Tibshirani 2009, "A bias
    correction for the minimum error rate"). The end towards a large gain moves by the mean of this bias, the end
    towards no gain so far that it keeps its confidence under this bias. Coverage:
    docs/experiments/tuning.md.

    Args:
        gains: float64 (sentences, settings), errors minus those without a language model.
        taken: the column of the choice.

    Returns:
        In points of WER, below 0 if errors become fewer; None if all clips have the same reference.
    """
    count, words = len(table.words), max(float(table.words.sum()), 1.0)
    if count < 2:
        return None
    drawn = np.random.default_rng(how.seed).multinomial(count, np.full(count, 1 / count), size=how.samples)
    weights = drawn.astype(np.float64)
    in_sets = 100 * (weights @ gains) / np.maximum(weights @ table.words, 1.0)[:, None]
    on_all, again = 100 * gains.sum(axis=0) / words, table.take_each(weights)
    luck = in_sets[np.arange(how.samples), again] - on_all[again]  # mostly below 0
    outside = (1 - how.level / 100) / 2
    low, high = np.quantile(in_sets[:, taken], (outside, 1 - outside))
    low = min(low - luck.mean(), on_all[taken])
    high = max(high, on_all[taken] - np.quantile(luck, outside))
    return Interval(float(low), float(high), how.level, how.samples, how.seed, count)
