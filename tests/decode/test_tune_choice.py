"""The choice against a count by hand, and its interval against what it claims, on simulated dev splits."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from sla_cli.core.bootstrap import Resampling, difference_interval
from sla_cli.core.clip_score import ClipScore
from sla_cli.core.edit_alignment import Counts, Pair
from sla_cli.decode.grid_search import GridPoint, Trial, grid
from sla_cli.decode.tune_choice import choose, mildness

NONE = GridPoint(10, 0, 0)
POINTS = grid([0, 0.5, 1], [-1, 0, 1], [10])


def trial(point: GridPoint, errors: Sequence[int], words: Sequence[int], sentence: Sequence[int] = ()) -> Trial:
    """Clips with so many substitutions; those of one sentence have one reference."""
    numbers = sentence or range(len(words))
    clips = zip(numbers, errors, words, strict=True)
    return Trial(
        point,
        tuple(
            ClipScore(f"clip {i}", (Pair("C", f"G{number}", f"G{number}"),), Counts(size - wrong, wrong))
            for i, (number, wrong, size) in enumerate(clips)
        ),
    )


def without(trials: Sequence[Trial]) -> list[Trial]:
    return [one for one in trials if one.point == one.point.without]


def test_mild_is_a_small_alpha_then_a_small_beta_then_a_narrow_beam() -> None:
    settings = [GridPoint(10, 0.5, 0), GridPoint(20, 0, 0), GridPoint(10, 0, 2), GridPoint(10, 0, -1), NONE]
    assert sorted(settings, key=mildness) == [settings[4], settings[1], settings[3], settings[2], settings[0]]


def test_of_equals_the_smallest_weights_are_taken_and_a_clear_gain_is() -> None:
    words = [10] * 30
    bad, good = [trial(point, [number] * 30, words) for point, number in ((NONE, 3), (GridPoint(10, 0.5, 1), 1))]
    also = trial(GridPoint(10, 0.5, -2), [1] * 30, words)
    choice = choose([also, good, bad], [bad])
    assert (choice.taken, choice.lowest, choice.without) == (good, good, bad)
    assert choice.difference == pytest.approx(-20)
    assert choice.interval is not None and choice.interval.low == choice.interval.high == pytest.approx(-20)
    equal = [trial(point, [1] * 30, words) for point in POINTS]
    choice = choose(equal, without(equal))
    assert choice.taken.point == NONE and choice.interval is None


def test_what_is_within_a_tenth_of_a_standard_error_is_as_good() -> None:
    rng, differs = np.random.default_rng(0), 0
    for _ in range(30):
        words = rng.integers(3, 9, 200).tolist()
        sentence = rng.integers(0, 150, 200).tolist()
        trials = [trial(point, rng.binomial(words, 0.3).tolist(), words, sentence) for point in POINTS]
        choice = choose(trials, without(trials), Resampling(samples=40))
        expected = by_hand(trials, sentence)
        assert choice.taken == expected
        differs += choice.lowest != expected
    assert differs > 2


def by_hand(trials: Sequence[Trial], sentence: Sequence[int]) -> Trial:
    """The trial with the smallest weights within a tenth of a standard error of the fewest errors, by plain loops."""
    fewest = min(trials, key=lambda one: (one.counts.errors, mildness(one.point)))
    as_good = []
    for one in trials:
        groups: dict[int, list[int]] = {}
        for number, clip, best in zip(sentence, one.clips, fewest.clips, strict=True):
            group = groups.setdefault(number, [0, 0])
            group[0] += clip.counts.errors - best.counts.errors
            group[1] += clip.counts.ref_words
        total, length = (sum(column) for column in zip(*groups.values(), strict=True))
        squares = sum((more - total / length * size) ** 2 for more, size in groups.values())
        standard_error = math.sqrt(squares * len(groups) / (len(groups) - 1))
        if total <= 0.1 * standard_error:
            as_good.append(one)
    return min(as_good, key=lambda one: mildness(one.point))


def test_the_interval_covers_what_a_choice_gains_where_the_plain_one_does_not() -> None:
    """No setting is really better than another, so every gain is chance, and the interval must contain 0."""
    rng, how = np.random.default_rng(0), Resampling(samples=200)
    covered, plain, claims = 0, 0, 0
    for _ in range(80):
        words = [6] * 40
        trials = [trial(point, rng.binomial(words, 0.2).tolist(), words) for point in POINTS]
        choice = choose(trials, without(trials), how)
        if choice.interval is None:
            continue
        found = difference_interval(choice.without.clips, choice.taken.clips, how)
        assert found is not None
        claims += 1
        covered += choice.interval.low <= 0 <= choice.interval.high
        plain += found[0].low <= 0 <= found[0].high
    assert claims > 50
    assert plain / claims < 0.85 < 0.92 < covered / claims


def test_the_ends_follow_from_choosing_again_on_each_resampled_set() -> None:
    """By plain loops: the low end moves by the mean bias, the high end by the bias at the same confidence."""
    rng, how = np.random.default_rng(1), Resampling(90, samples=50, seed=3)
    words = rng.integers(3, 9, 25).tolist()
    trials = [trial(point, rng.binomial(words, 0.2).tolist(), words) for point in POINTS]
    choice, [base] = choose(trials, without(trials), how), without(trials)
    assert choice.interval is not None
    seen, luck = [], []
    for weights in np.random.default_rng(3).multinomial(25, [1 / 25] * 25, size=50):
        clips = [number for number, times in enumerate(weights) for _ in range(times)]
        sets = [drawn(one, clips) for one in trials]
        again = choose(sets, without(sets), how).taken.point
        rate = {one.point: one.counts.wer for one in sets}
        gain = {one.point: one.counts.wer - base.counts.wer for one in trials}
        seen.append(rate[choice.taken.point] - rate[NONE])
        luck.append(rate[again] - rate[NONE] - gain[again])
    low, high = np.quantile(seen, (0.05, 0.95))
    assert choice.interval.low == pytest.approx(low - np.mean(luck))
    assert choice.interval.high == pytest.approx(max(high, choice.difference - np.quantile(luck, 0.05)))


def drawn(one: Trial, clips: Sequence[int]) -> Trial:
    """A trial on clips drawn with replacement, each a sentence of its own."""
    counts = [one.clips[number].counts for number in clips]
    return trial(one.point, [each.errors for each in counts], [each.ref_words for each in counts])
