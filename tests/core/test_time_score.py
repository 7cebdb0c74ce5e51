"""Compared with F1 as the evaluation of MS-TCN computes it, with arrays and argmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.annotation import Sign
from sla_cli.core.time_score import OVERLAPS, pooled_times, score_times
from sla_cli.errors import SlaError


def signs(*rows: tuple[str, float, float]) -> list[Sign]:
    return [Sign(gloss, start, end, 1.0) for gloss, start, end in rows]


@st.composite
def recordings(draw: st.DrawFn) -> list[Sign]:
    """Signs in order of time, without overlap, on a grid of eighths of a second, which have no rounding."""
    borders = sorted(draw(st.lists(st.integers(0, 60), min_size=0, max_size=24, unique=True)))
    pairs = zip(borders[::2], borders[1::2], strict=False)
    return signs(*((draw(st.sampled_from("ABC")), start / 8, end / 8) for start, end in pairs))


def true_positives(reference: Sequence[Sign], hypothesis: Sequence[Sign], overlap: float) -> int:
    start, end = (np.array([getattr(sign, name) for sign in reference]) for name in ("start", "end"))
    label = np.array([sign.gloss for sign in reference])
    hits = np.zeros(len(reference), bool)
    count = 0
    for sign in hypothesis if len(reference) else ():
        intersection = np.minimum(sign.end, end) - np.maximum(sign.start, start)
        union = np.maximum(sign.end, end) - np.minimum(sign.start, start)
        share = intersection / union * (label == sign.gloss)
        best = int(np.argmax(share))
        if share[best] >= overlap and not hits[best]:
            hits[best] = True
            count += 1
    return count


@given(recordings(), recordings())
def test_f1_is_that_of_action_segmentation(reference: list[Sign], hypothesis: list[Sign]) -> None:
    score = score_times(reference, hypothesis)
    assert score.matched == tuple(true_positives(reference, hypothesis, overlap) for overlap in OVERLAPS)
    if reference or hypothesis:
        for count, f1 in zip(score.matched, score.f1, strict=True):
            missed, wrong = len(reference) - count, len(hypothesis) - count
            assert f1 == pytest.approx(100 * 2 * count / (2 * count + missed + wrong))


@given(recordings())
def test_the_truth_is_without_fault(reference: list[Sign]) -> None:
    score = score_times(reference, reference)
    assert score.correct == score.inside == score.references == len(reference)
    assert score.outside == 0
    assert score.matched == (len(reference),) * len(OVERLAPS)
    assert set(score.starts) | set(score.ends) <= {0.0}


@given(recordings(), recordings())
def test_case_is_ignored_in_all_figures(reference: list[Sign], hypothesis: list[Sign]) -> None:
    small = [replace(sign, gloss=sign.gloss.lower()) for sign in hypothesis]
    assert score_times(reference, small) == score_times(reference, hypothesis)


def test_signs_that_all_overlap_are_refused_before_they_take_hours() -> None:
    many = signs(*(("A", 0.0, 10.0) for _ in range(4000)))
    with pytest.raises(SlaError, match="too many true signs overlap"):
        score_times(many, many)


def test_figures_of_a_recording() -> None:
    reference = signs(("A", 1.0, 2.0), ("B", 3.0, 4.0), ("C", 5.0, 6.0), ("A", 7.0, 8.0))
    hypothesis = signs(("A", 1.25, 2.0), ("D", 2.5, 3.0), ("B", 3.75, 5.0), ("A", 6.5, 7.5))
    score = score_times(reference, hypothesis)
    assert (score.references, score.hypotheses, score.correct) == (4, 4, 3)
    assert (score.inside, score.outside) == (2, 1)  # B's middle is after B; D touches B, and overlaps nothing
    assert score.share_inside == pytest.approx(200 / 3)
    assert score.share_outside == 25
    assert score.matched == (3, 2, 1)  # IoU 0.75, 0.125 and 1/3
    assert (score.start_error, score.end_error) == (0.5, 0.5)


@pytest.mark.parametrize("shift", [0, 40, 1480, 6520])
def test_a_half_is_one_half_wherever_it_lies(shift: int) -> None:
    true = signs(*(("A", (shift + start) / 1000, (shift + start + 320) / 1000) for start in range(0, 20_000, 520)))
    half = [replace(sign, end=(sign.start + sign.end) / 2) for sign in true]
    assert score_times(true, half).f1[OVERLAPS.index(0.5)] == 100


def test_of_nothing_there_is_no_share() -> None:
    score = score_times([], [])
    assert score.share_inside is score.share_outside is score.start_error is score.end_error is None
    assert score.f1 == (0, 0, 0)


@given(st.lists(st.tuples(recordings(), recordings()), max_size=4))
def test_recordings_add(pairs: list[tuple[list[Sign], list[Sign]]]) -> None:
    """As one recording in which they lie far from each other, as far as alignment does not mix them."""
    score = pooled_times(score_times(*pair) for pair in pairs)
    both = [
        [
            Sign(f"{sign.gloss}{number}", sign.start + 100 * number, sign.end + 100 * number, 1.0)
            for number, pair in enumerate(pairs)
            for sign in pair[side]
        ]
        for side in (0, 1)
    ]
    whole = score_times(*both)
    assert (score.references, score.hypotheses, score.matched) == (whole.references, whole.hypotheses, whole.matched)
    assert score.outside == whole.outside


@given(*[st.lists(st.tuples(st.sampled_from("AB"), st.integers(0, 40), st.integers(0, 12)), max_size=12)] * 2)
def test_signs_in_rests_are_those_that_no_true_sign_overlaps(
    reference: list[tuple[str, int, int]], hypothesis: list[tuple[str, int, int]]
) -> None:
    """Also where true signs overlap each other, and one lies in another; a sign may have no duration."""
    true, found = (
        sorted(
            (Sign(gloss, float(start), float(start + length), 1.0) for gloss, start, length in rows),
            key=lambda s: s.start,
        )
        for rows in (reference, hypothesis)
    )

    def is_in(one: Sign, sign: Sign) -> bool:
        moment = sign.start <= one.start == one.end < sign.end
        return moment or max(one.start, sign.start) < min(one.end, sign.end)

    assert score_times(true, found).outside == sum(not any(is_in(one, sign) for sign in true) for one in found)
