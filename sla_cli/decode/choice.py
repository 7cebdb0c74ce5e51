"""Which trial of a grid is taken, and what it gains over no language model: a gain is to be told from luck.

The fewest errors on a small dev split are often luck. Settings that the clips do not tell apart from them are as good,
and of those the mildest does least harm. Breiman et al. 1984, "Classification and regression trees", take one
standard error; that costs errors where a model helps, a tenth does not (docs/decoding.md, benchmarks/tuning.py).
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

STANDARD_ERRORS = 0.1  # this far from the fewest errors, a setting counts as good as the best
TOLERANCE = 1e-9  # errors; what rounding may take from a tie

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

    def take(self, standard_errors: float = STANDARD_ERRORS) -> int:
        """The column of the mildest setting within so many standard errors of the fewest errors.

        The standard error is that of the difference to the setting with the fewest errors, paired by sentence.
        """
        return int(self.take_each(np.ones((1, len(self.words))), standard_errors)[0])

    def take_each(self, drawn: Table, standard_errors: float = STANDARD_ERRORS) -> NDArray[np.intp]:
        """What `take` answers for each set of sentences that is drawn from these.

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
    """The interval of what the setting that was chosen on a table gains.

    The paired bootstrap takes the setting for given, but luck chose with us. So the choice is made again on each
    resampled set of sentences, for which all of them stand as the truth: what is chosen there looks better there than
    it is (Efron 1983, "Estimating the error rate of a prediction rule"; Tibshirani & Tibshirani 2009, "A bias
    correction for the minimum error rate"). The end towards a large gain moves by the mean of that, the end towards no
    gain to where this luck leaves it at the same confidence. Coverage: docs/decoding.md, benchmarks/tuning.py.

    Args:
        gains: float64 (sentences, settings), errors less those without a language model.
        taken: the column of the choice.

    Returns:
        In points of WER, below 0 where errors become fewer; None where all clips have one reference.
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
