"""Confidence intervals of error rates by resampling clusters of clips: sentences, signers, recordings.

Bisani & Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004. Clips of one
cluster are drawn together: several signers' recordings of one prompt are not independent observations, nor are the
sentences of one signer, and an interval that treats them as independent is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sla_cli.config.bounds import SEED as LARGEST_SEED
from sla_cli.core.clip_score import ClipScore
from sla_cli.core.clusters import clusters
from sla_cli.core.result import Cluster, Interval
from sla_cli.errors import SlaError

LEVEL, SAMPLES, SEED = 95.0, 1000, 0
MOST_SAMPLES = 10**7  # minutes for 1,000 sentences, and enough for an interval of 99.99 %
MEMORY = 1 << 17  # resampled clusters held at a time: if they fit in the processor's cache, it takes half the time
WORDS = 36  # bits for the words of a sample, and 27 with a sign for its errors: 130 million


@dataclass(frozen=True)
class Resampling:
    """How intervals are made: confidence in percent, number of resampled sets, their random seed, and what is drawn.

    Raises:
        SlaError: a level outside 1 to 100, too few samples for the ends of the interval, or so many that it takes
            hours.
    """

    level: float = LEVEL
    samples: int = SAMPLES
    seed: int = SEED
    cluster: Cluster = "sentence"

    def __post_init__(self) -> None:
        if not 1 < self.level < 100:  # 0.95 is meant to be 95
            raise SlaError(f"a confidence of {self.level:g} % is not between 1 and 100", "Give for instance --ci 95.")
        needed = math.ceil(round(200 / (100 - self.level), 6))
        if max(needed, self.samples) > MOST_SAMPLES:
            what = f"{self.samples} samples" if self.samples > MOST_SAMPLES else f"an interval of {self.level} %"
            raise SlaError(
                f"{what} would take hours", f"Give at most --samples {MOST_SAMPLES}; --ci 99.99 is exact with it."
            )
        if self.samples < needed:
            raise SlaError(
                f"--samples {self.samples} is too few for a {self.level:g} % interval",
                f"Give --samples {max(SAMPLES, needed)}.",
            )
        if not 0 <= self.seed <= LARGEST_SEED:
            fault = f"--seed {self.seed} is {'below 0' if self.seed < 0 else f'above {LARGEST_SEED}'}"
            raise SlaError(fault, f"Give a whole number from 0 to {LARGEST_SEED}, such as --seed 0.")


def wer_interval(clips: Sequence[ClipScore], how: Resampling) -> Interval | None:
    """Percentile interval of the pooled WER, None if all clips belong to one cluster.

    Raises:
        SlaError: it is not known which cluster a clip is of.
    """
    found = _resample(clips, [[clip.counts.errors for clip in clips]], how)
    return found[0] if found else None


def difference_interval(
    first: Sequence[ClipScore], second: Sequence[ClipScore], how: Resampling
) -> tuple[Interval, float] | None:
    """Percentile interval of the second system's WER minus the first's, both on the same resampled clusters.

    Args:
        first, second: the same clips in the same order.

    Returns:
        The interval, and the share of samples in which the second has fewer errors (Bisani & Ney's probability of
        improvement; a tie counts half). None if all clips are of one cluster.

    Raises:
        SlaError: it is not known which cluster a clip is of.
    """
    errors = [[clip.counts.errors for clip in clips] for clips in (second, first)]
    found = _resample(first, errors, how)
    if found is None:
        return None
    interval, differences = found
    return interval, improvement(differences)


def _resample(
    clips: Sequence[ClipScore], errors: Sequence[Sequence[int]], how: Resampling
) -> tuple[Interval, np.ndarray] | None:
    """Interval and distribution, float64 (samples,), of errors[0] minus all other errors, in percent."""
    difference = np.array(errors[0], np.int64) - np.array(errors[1:], np.int64).sum(axis=0, dtype=np.int64)
    found = resampled_rates(clips, [difference], how)
    return None if found is None else (interval_of(found[0][0], found[1], how), found[0][0])


def resampled_rates(
    clips: Sequence[ClipScore], errors: Sequence[Sequence[int] | np.ndarray], how: Resampling
) -> tuple[np.ndarray, int] | None:
    """Error rates on sets of clusters drawn with replacement, the same sets for each system and each order of clips.

    Args:
        errors: of each system, or differences between two, one for each clip.

    Returns:
        float64 (systems, samples) in percent, and the number of clusters; None if all clips are of one.

    Raises:
        SlaError: it is not known which cluster a clip is of.
    """
    order = sorted(range(len(clips)), key=lambda place: clips[place].id)
    clips, errors = [clips[place] for place in order], [np.array(counts, np.int64)[order] for counts in errors]
    cluster = clusters(clips, how.cluster)
    units = len(set(cluster))
    if units < 2:
        return None
    words = np.bincount(cluster, [clip.counts.ref_words for clip in clips]).astype(np.int64)
    wrong = [np.bincount(cluster, counts).astype(np.int64) for counts in errors]
    return np.stack([_rates(counts, words, how) for counts in wrong]), units


def interval_of(rates: np.ndarray, units: int, how: Resampling) -> Interval:
    """The percentile interval of a distribution, float64 (samples,), drawn from this number of clusters."""
    outside = (1 - how.level / 100) / 2
    low, high = (float(np.percentile(rates, 100 * end)) for end in (outside, 1 - outside))
    return Interval(low, high, how.level, how.samples, how.seed, units, how.cluster)


def improvement(differences: np.ndarray) -> float:
    """The share of resampled differences below 0; a tie counts half."""
    return float(np.mean(differences < 0) + np.mean(differences == 0) / 2)


def _rates(errors: np.ndarray, words: np.ndarray, how: Resampling) -> np.ndarray:
    """float64 (samples,): 100 errors / words of as many clusters as there are, drawn with replacement.

    If a sample holds only clips without words, its errors are divided by one word.
    """
    units, rng = len(words), np.random.default_rng(how.seed)
    both = (errors << WORDS) + words  # one number for each cluster: the look-up is what takes time
    batch = max(1, MEMORY // units)
    sizes = [min(batch, how.samples - begin) for begin in range(0, how.samples, batch)]
    sums = np.concatenate([both.take(rng.integers(0, units, (size, units))).sum(axis=1) for size in sizes])
    summed_words = sums & ((1 << WORDS) - 1)
    return 100.0 * (sums >> WORDS) / np.maximum(summed_words, 1)
