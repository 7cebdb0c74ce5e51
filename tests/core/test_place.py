from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.core.force_align import align_frames
from sla_cli.core.place import FrameScores, place


def shown(columns: list[int], least: int = 7) -> FrameScores:
    """Scores of frames that clearly show these columns."""
    scores = np.full((len(columns), 4), -128, np.int8)
    scores[range(len(columns)), columns] = 0
    return FrameScores(scores, least)


def test_a_sign_is_where_frames_show_it_not_where_the_path_emits_it() -> None:
    scores = shown([0] * 10 + [1] * 12 + [0] * 8 + [2] * 9 + [2] * 9 + [0] * 20)
    assert place([1, 2], [(0, 1), (14, 16)], 4, 68, scores) == ((11, 21), (31, 47))
    assert place([1, 2], [(0, 1), (14, 16)], 4, 68, None) == ((0, 4), (56, 64))
    assert place([1, 2, 2], [(0, 1)] * 3, 4, 68, scores)[0] == (11, 21)


@pytest.mark.parametrize(("least", "margin"), [(1, 0), (2, 0), (7, 1), (8, 1), (12, 2)])
def test_the_margin_beside_a_sign_is_a_share_of_the_shortest_one(least: int, margin: int) -> None:
    scores = shown([0] * 20 + [1] * 40 + [0] * 20, least)
    assert place([1], [(0, 1)], 4, 80, scores) == ((20 + margin, 60 - margin),)


@given(st.integers(0, 2**20), st.integers(1, 60), st.integers(1, 8), st.sampled_from([1, 2, 7, 14]))
def test_spans_are_ordered_and_never_empty(seed: int, frames: int, signs: int, least: int) -> None:
    rng = np.random.default_rng(seed)
    scores = FrameScores(rng.integers(-128, 1, (frames, 4)).astype(np.int8), least)
    labels = rng.integers(1, 4, min(signs, frames)).tolist()
    cuts = [cut for span in place(labels, [(0, 1)] * len(labels), 4, frames, scores) for cut in span]
    assert cuts == sorted(cuts)
    assert cuts[0] >= 0 and cuts[-1] <= frames
    assert all(end > start for start, end in zip(cuts[::2], cuts[1::2], strict=True))


def test_the_place_of_a_missed_sign_stays_empty() -> None:
    scores = shown([0] * 10 + [1] * 10 + [0] * 5 + [2] * 10 + [0] * 5 + [3] * 10 + [0] * 10)
    assert place([1, 3], [(3, 4), (11, 12)], 4, 60, scores) == ((11, 19), (41, 49))


def test_long_pauses_divide_a_recording_and_change_nothing() -> None:
    rng, columns, labels, spans = np.random.default_rng(0), list[int](), list[int](), list[tuple[int, int]]()
    for pause in [10] * 20 + [80] * 20 + [10] * 20:
        labels.append(int(rng.integers(1, 4)))
        spans.append(((len(columns) + pause + 8) // 4, (len(columns) + pause + 12) // 4))  # beside the sign
        columns += [0] * pause + [labels[-1]] * 10
    scores = shown([*columns, *[0] * 9])
    found = place(labels, spans, 4, len(scores.scores), scores)
    assert found == tuple((start + 1, end - 1) for start, end in align_frames(scores.scores, labels, 7))


def test_no_gloss_has_no_place() -> None:
    assert place([], [], 4, 10, shown([1] * 10)) == ()
