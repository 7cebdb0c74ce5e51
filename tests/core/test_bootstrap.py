"""Intervals against an exact law, and how often they cover the true rate on simulated corpora."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sla_cli.core.bootstrap import Resampling, difference_interval, wer_interval
from sla_cli.core.clip_score import ClipScore, score_clip
from sla_cli.core.edit_alignment import Counts, Pair
from sla_cli.core.result import Cluster
from sla_cli.errors import SlaError

CORPORA = 200


def clip(number: int, words: int, errors: int, sentence: int | None = None) -> ClipScore:
    """A clip with `errors` substitutions in `words` words; one step represents all, and its gloss the sentence."""
    gloss = str(number if sentence is None else sentence)
    return ClipScore(f"clip {number:04}", (Pair("C", gloss, gloss),), Counts(words - errors, errors))


def corpus(rng: np.random.Generator, count: int) -> list[ClipScore]:
    """Distinct sentences of 2 to 15 words; some are much harder than others. The true rate is 30 %."""
    return repeated(rng, count, 1)


def repeated(rng: np.random.Generator, prompts: int, takes: int) -> list[ClipScore]:
    """Every prompt is signed several times and is as hard each time. The true rate is 30 %."""
    words = np.repeat(rng.integers(2, 16, prompts), takes)
    errors = rng.binomial(words, np.repeat(rng.beta(1.5, 3.5, prompts), takes))
    return [clip(i, int(n), int(e), i // takes) for i, (n, e) in enumerate(zip(words, errors, strict=True))]


def apart(clips: Sequence[ClipScore]) -> list[ClipScore]:
    """The same counts as if no two clips had the same reference."""
    return [clip(i, one.counts.ref_words, one.counts.errors) for i, one in enumerate(clips)]


def covers(clips: list[ClipScore], true: float = 30.0) -> bool:
    interval = wer_interval(clips, Resampling(samples=400))
    assert interval is not None
    return interval.low <= true <= interval.high


def test_covers_the_true_rate_where_prompts_repeat_which_clips_taken_one_by_one_do_not() -> None:
    corpora = [repeated(np.random.default_rng(seed), 100, 3) for seed in range(CORPORA)]
    assert 0.93 <= np.mean([covers(clips) for clips in corpora]) <= 0.97
    assert np.mean([covers(apart(clips)) for clips in corpora]) < 0.85


def test_agrees_with_the_normal_interval_of_a_plain_mean() -> None:
    # Sentences of one word: the rate is a share, whose interval is known.
    clips = [clip(i, 1, int(i % 4 == 0)) for i in range(800)]
    interval = wer_interval(clips, Resampling(level=90, samples=4000))
    assert interval is not None
    half = stats.norm.ppf(0.95) * np.sqrt(0.25 * 0.75 / 800) * 100
    assert (interval.low, interval.high) == pytest.approx((25 - half, 25 + half), abs=0.15)
    assert (interval.level, interval.samples, interval.seed, interval.units) == (90, 4000, 0, 800)


def test_the_seed_decides() -> None:
    clips = corpus(np.random.default_rng(1), 60)
    assert wer_interval(clips, Resampling(seed=3)) == wer_interval(clips, Resampling(seed=3))
    assert wer_interval(clips, Resampling(seed=3)) != wer_interval(clips, Resampling(seed=4))


def test_the_size_of_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = corpus(np.random.default_rng(1), 60)
    whole = wer_interval(clips, Resampling())
    monkeypatch.setattr("sla_cli.core.bootstrap.MEMORY", 1000)
    assert wer_interval(clips, Resampling()) == whole


@pytest.mark.parametrize("cluster", ["clip", "sentence"])
def test_the_order_of_clips_changes_nothing(cluster: Cluster) -> None:
    """References of one corpus come in the order of a table, or of a CTM."""
    rng, how = np.random.default_rng(1), Resampling(cluster=cluster)
    pairs = list(zip(repeated(rng, 30, 2), repeated(rng, 30, 2), strict=True))
    pairs = [(one, replace(other, pairs=one.pairs)) for one, other in pairs]
    shuffled = [pairs[place] for place in rng.permutation(len(pairs))]
    first, second = (list(side) for side in zip(*pairs, strict=True))
    again, other = (list(side) for side in zip(*shuffled, strict=True))
    assert wer_interval(first, how) == wer_interval(again, how)
    assert difference_interval(first, second, how) == difference_interval(again, other, how)


def test_is_the_interval_that_scipy_finds() -> None:
    clips = repeated(np.random.default_rng(2), 70, 2)
    words, errors = (np.zeros(70), np.zeros(70))
    for number, one in enumerate(clips):
        words[number // 2] += one.counts.ref_words
        errors[number // 2] += one.counts.errors
    found = stats.bootstrap(
        (errors, words),
        lambda errors, words, axis: 100 * errors.sum(axis) / words.sum(axis),
        n_resamples=333,
        paired=True,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(7),
    )
    interval = wer_interval(clips, Resampling(90, 333, 7))
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(tuple(found.confidence_interval), rel=1e-12)


@pytest.mark.parametrize("errors", [0, 4])
def test_no_spread_gives_an_interval_without_width(errors: int) -> None:
    interval = wer_interval([clip(i, 4, errors) for i in range(30)], Resampling())
    assert interval is not None
    assert interval.low == interval.high == 25.0 * errors


def test_clips_without_reference_words() -> None:
    clips = [score_clip("empty", (), ["X"]), clip(1, 3, 1)]
    interval = wer_interval(clips, Resampling())
    assert interval is not None
    assert np.isfinite([interval.low, interval.high]).all()


def test_nothing_to_resample() -> None:
    assert wer_interval([clip(0, 3, 1, 7), clip(1, 3, 0, 7)], Resampling()) is None
    assert difference_interval([clip(0, 3, 1)], [clip(0, 3, 0)], Resampling()) is None


def test_a_difference_is_paired() -> None:
    rng = np.random.default_rng(5)
    first = corpus(rng, 200)
    # One error fewer in every sentence that has one: far less spread than between two independent systems.
    second = [clip(i, one.counts.ref_words, max(0, one.counts.errors - 1)) for i, one in enumerate(first)]
    found = difference_interval(first, second, Resampling())
    assert found is not None
    interval, improvement = found
    alone = wer_interval(first, Resampling())
    assert alone is not None
    assert interval.high < 0
    assert improvement == 1.0
    assert interval.high - interval.low < (alone.high - alone.low) / 2


def naive(clips: Sequence[ClipScore], names: Sequence[str], how: Resampling) -> tuple[float, float]:
    """The same draw without code of sla: whole groups of clips, joined one after the other."""
    groups: dict[str, list[Counts]] = {}
    for name, one in zip(names, clips, strict=True):
        groups.setdefault(name, []).append(one.counts)
    listed, rng, rates = list(groups.values()), np.random.default_rng(how.seed), []
    for _ in range(how.samples):
        drawn = [counts for number in rng.integers(0, len(listed), len(listed)) for counts in listed[number]]
        rates.append(100 * sum(one.errors for one in drawn) / sum(one.ref_words for one in drawn))
    outside = (100 - how.level) / 2
    return float(np.percentile(rates, outside)), float(np.percentile(rates, 100 - outside))


@pytest.mark.parametrize("cluster", ["sentence", "signer", "recording", "clip"])
def test_is_the_interval_of_a_draw_made_by_hand(cluster: Cluster) -> None:
    clips = [
        replace(one, signer=f"s{number % 7}", recording=f"r{number % 23}.mp4")
        for number, one in enumerate(repeated(np.random.default_rng(4), 40, 3))
    ]
    names = {
        "sentence": [one.reference[0] for one in clips],
        "signer": [one.signer for one in clips],
        "recording": [one.recording for one in clips],
        "clip": [one.id for one in clips],
    }
    how = Resampling(90, 300, 5, cluster)
    interval = wer_interval(clips, how)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx(naive(clips, names[cluster], how), rel=1e-12)
    assert (interval.units, interval.cluster) == (len(set(names[cluster])), cluster)


def test_a_paired_difference_by_signer_is_that_of_a_draw_made_by_hand() -> None:
    rng = np.random.default_rng(6)
    first = [replace(one, signer=f"s{number % 9}") for number, one in enumerate(corpus(rng, 60))]
    # One signer is worse by one error in each clip, the others are equal: the result depends on the drawn signers.
    second = [
        replace(one, counts=Counts(one.counts.correct, one.counts.substitutions, 0, int(one.signer == "s3")))
        for one in first
    ]
    how = Resampling(90, 400, 2, "signer")
    found = difference_interval(first, second, how)
    assert found is not None
    drawn = np.random.default_rng(2).integers(0, 9, (400, 9))
    words = np.array([sum(one.counts.ref_words for one in first if one.signer == f"s{k}") for k in range(9)])
    more = np.array([sum(one.signer == "s3" for one in first) if k == 3 else 0 for k in range(9)])
    rates = [100 * more[row].sum() / words[row].sum() for row in drawn]
    assert (found[0].low, found[0].high) == pytest.approx(tuple(np.percentile(rates, (5, 95))), rel=1e-12)
    by_sentence = difference_interval(first, second, Resampling(90, 400, 2))
    assert by_sentence is not None
    assert found[0].high - found[0].low > by_sentence[0].high - by_sentence[0].low


def test_a_system_is_as_good_as_itself() -> None:
    clips = corpus(np.random.default_rng(5), 50)
    found = difference_interval(clips, clips, Resampling())
    assert found is not None
    assert (found[0].low, found[0].high, found[1]) == (0.0, 0.0, 0.5)


@pytest.mark.parametrize(
    ("level", "samples", "seed", "message"),
    [
        (0.0, 1000, 0, "not between 1 and 100"),
        (0.95, 1000, 0, "a confidence of 0.95 % is not between 1 and 100"),
        (100.0, 1000, 0, "not between 1 and 100"),
        (95.0, 39, 0, "--samples 39 is too few"),
        (99.9, 1000, 0, "--samples 1000 is too few"),
        (95.0, 999999999999, 0, "999999999999 samples would take hours"),
        (99.9999999, 1000, 0, "an interval of 99.9999999 % would take hours"),
        (95.0, 1000, 10**20, "above 9223372036854775807"),
        (95.0, 1000, -1, "below 0"),
    ],
)
def test_settings_without_sense(level: float, samples: int, seed: int, message: str) -> None:
    with pytest.raises(SlaError, match=message) as caught:
        Resampling(level, samples, seed)
    assert caught.value.hint
    Resampling(95.0, 40)
