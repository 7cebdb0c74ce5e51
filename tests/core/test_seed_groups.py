"""Groups of runs: the interval over clips and seeds against all possible draws, and its coverage."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from sla_cli.core.bootstrap import Resampling, difference_interval, wer_interval
from sla_cli.core.clip_score import ClipScore
from sla_cli.core.edit_alignment import Counts, Pair
from sla_cli.core.result import Score
from sla_cli.core.seed_groups import GroupComparison, SeedGroup, compare_groups, group_verdict, seed_group

HOW = Resampling(90, 40_000, 3)


def run(errors: list[int], words: int = 10) -> Score:
    """A run with the given number of errors in each clip."""
    clips = (
        ClipScore(f"c{i}", (Pair("C", str(i), str(i)),), Counts(words - wrong, wrong), f"s{i // 2}")
        for i, wrong in enumerate(errors)
    )
    return Score("none", 1, "", tuple(clips))


def group(name: str, *errors: list[int], how: Resampling = HOW) -> SeedGroup:
    return seed_group(name, [f"{name}-{seed}" for seed in range(len(errors))], [run(one) for one in errors], how)


A = ([0, 1, 5, 9], [2, 2, 4, 3], [1, 0, 8, 6])
B = ([1, 0, 2, 7], [0, 0, 5, 1], [2, 1, 4, 4])


def every_draw(first: tuple[list[int], ...], second: tuple[list[int], ...], paired: bool) -> np.ndarray:
    """The difference of the means in each of the equally likely draws of 4 clips and of n - 1 seeds."""
    a, b = 10 * np.array(first), 10 * np.array(second)
    found = []
    for clips in product(range(4), repeat=4):
        means_a, means_b = a[:, list(clips)].mean(1), b[:, list(clips)].mean(1)
        seeds_a = list(product(range(len(a)), repeat=max(1, len(a) - 1)))
        seeds_b = list(product(range(len(b)), repeat=max(1, len(b) - 1)))
        pairs = [(s, s) for s in seeds_a] if paired else product(seeds_a, seeds_b)
        found += [means_b[list(t)].mean() - means_a[list(s)].mean() for s, t in pairs]
    return np.array(found)


def near(value: float, draws: np.ndarray, share: float) -> bool:
    """Whether a value lies between the quantiles on both sides of a share: draws are discrete."""
    low, high = np.quantile(draws, (share - 0.01, share + 0.01))
    return bool(low - 1e-9 <= value <= high + 1e-9)


@pytest.mark.parametrize(("second", "paired"), [(B, True), (B, False), (B[:2], False), (B[:1], False)])
def test_is_the_interval_of_all_draws(second: tuple[list[int], ...], paired: bool) -> None:
    found = compare_groups(group("a", *A), group("b", *second), paired=paired, how=HOW)
    draws = every_draw(A, second, paired)
    assert found.interval is not None and found.improvement is not None
    assert found.difference == pytest.approx(10 * (np.mean(second) - np.mean(A)))
    assert near(found.interval.low, draws, 0.05) and near(found.interval.high, draws, 0.95)
    assert found.improvement == pytest.approx(np.mean(draws < -1e-9) + np.mean(np.abs(draws) < 1e-9) / 2, abs=0.01)


def test_a_group_has_mean_spread_and_an_interval_over_clips_and_seeds() -> None:
    one = group("a", *A)
    assert one.rates == pytest.approx([37.5, 27.5, 37.5])
    assert (one.mean, one.spread) == pytest.approx((34.1667, 5.7735), abs=1e-3)
    draws = every_draw(([0] * 4,), A, paired=False)
    assert one.interval is not None
    assert near(one.interval.low, draws, 0.05) and near(one.interval.high, draws, 0.95)


def test_single_runs_are_resampled_as_ever() -> None:
    first, second = group("a", A[0]), group("b", B[0])
    assert first.interval == wer_interval(first.scores[0].clips, HOW)
    assert first.spread is None
    found = compare_groups(first, second, paired=True, how=HOW)
    alone = difference_interval(first.scores[0].clips, second.scores[0].clips, HOW)
    assert alone is not None and found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((alone[0].low, alone[0].high))
    assert found.improvement == pytest.approx(alone[1])


def test_signers_are_drawn_too() -> None:
    by_signer = replace(HOW, cluster="signer")
    found = compare_groups(group("a", *A, how=by_signer), group("b", *B, how=by_signer), paired=True, how=by_signer)
    assert found.interval is not None and (found.interval.units, found.interval.cluster) == (2, "signer")
    # Two signers: a quarter of the draws has the first only, and a quarter the second.
    halves = [10 * (np.array(B)[:, s].mean(1) - np.array(A)[:, s].mean(1)) for s in (slice(2), slice(2, 4), slice(4))]
    weights = (0.25, 0.25, 0.5)
    draws = [
        (half[i] + half[j]) / 2
        for half, weight in zip(halves, weights, strict=True)
        for i, j in product(range(3), repeat=2)
        for _ in range(int(4 * weight))
    ]
    assert near(found.interval.low, np.array(draws), 0.05) and near(found.interval.high, np.array(draws), 0.95)


def test_one_sentence_says_nothing() -> None:
    one = Score("none", 1, "", (run([3]).clips[0], replace(run([1]).clips[0], id="other")))
    same = SeedGroup("a", ("a-0", "a-1"), (one, one), None)
    found = compare_groups(same, same, paired=True, how=HOW)
    assert (found.interval, found.improvement) == (None, None)
    assert group_verdict(found).startswith("No conclusion is possible")


def noisy(rng: np.random.Generator, difficulty: np.ndarray, seeds: int, spread: float) -> list[list[int]]:
    """Runs on clips of these difficulties; each seed is better or worse as a whole."""
    shifts = rng.normal(0, spread, seeds)
    return [rng.binomial(10, np.clip(difficulty + shift, 0, 1)).tolist() for shift in shifts]


def test_covers_no_difference_where_seeds_and_clips_differ() -> None:
    how, covered = Resampling(samples=200), []
    for draw in range(100):
        rng = np.random.default_rng(draw)
        difficulty = rng.beta(3, 7, 80)
        sides = [noisy(rng, difficulty, 3, 0.02) for _ in range(2)]
        found = compare_groups(*(group("x", *side, how=how) for side in sides), paired=False, how=how)
        assert found.interval is not None
        covered.append(found.interval.low <= 0 <= found.interval.high)
    assert 0.9 <= np.mean(covered) <= 0.99


def decided(clips: int, seeds: int, better: int) -> GroupComparison:
    """Two groups of which the second makes a given number of errors less in each clip."""
    how = Resampling(samples=200)
    first = [[4 + (clip + seed) % 3 for clip in range(clips)] for seed in range(seeds)]
    second = [[errors - better for errors in one] for one in first]
    return compare_groups(group("a", *first, how=how), group("b", *second, how=how), paired=True, how=how)


def test_verdicts() -> None:
    assert group_verdict(decided(30, 3, 2)) == "b is better than a by 20.00 points, more than chance explains."
    assert group_verdict(decided(30, 3, -2)).startswith("a is better than b by 20.00 points")
    assert "but 2 seeds are too few to rule out chance" in group_verdict(decided(30, 2, 2))
    assert "but 8 sentences and 1 seed are too few" in group_verdict(decided(8, 1, 2))
    assert "have the same mean WER" in group_verdict(decided(30, 3, 0))
    chance = compare_groups(group("a", *A), group("b", *A[::-1]), paired=False, how=HOW)
    assert "the same mean WER" in group_verdict(chance)
    near_by = compare_groups(group("a", *A), group("b", *B), paired=False, how=HOW)
    assert group_verdict(near_by).endswith("points less, which may well be chance.")
