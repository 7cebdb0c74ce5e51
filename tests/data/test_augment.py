from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.config.settings import TrainConfig
from sla_cli.core.clip import sign_frames
from sla_cli.core.ctc import feasible, minimum_steps
from sla_cli.data.augment import PixelTransform, View, known_frames, random_view, view_length

LENGTHS, SEEDS = st.integers(1, 300), st.integers(0, 2**20)


def view(length: int, seed: int, targets: tuple[int, ...] = (1,), stride: int = 4, **settings: Any) -> View:
    config = TrainConfig(**settings)
    rng = np.random.default_rng(seed)
    return random_view(length, minimum_steps(targets) * stride, stride, config, rng)


@given(LENGTHS, SEEDS, st.sampled_from([1, 2, 4, 6]))
def test_sorted_frames_of_the_clip_in_whole_steps(length: int, seed: int, stride: int) -> None:
    chosen = view(length, seed, stride=stride)
    frames = chosen.frames
    assert (np.diff(frames) >= 0).all()
    assert 0 <= frames[0] <= frames[-1] < length
    assert len(frames) % stride == 0
    assert 0 <= chosen.transform.top <= 1
    assert 0 <= chosen.transform.left <= 1


@given(LENGTHS, SEEDS, st.lists(st.integers(1, 3), max_size=120))
def test_glosses_always_fit(length: int, seed: int, targets: list[int]) -> None:
    assert feasible(len(view(length, seed, tuple(targets)).frames) // 4, targets)


@given(LENGTHS, SEEDS)
def test_new_length_is_within_the_bounds(length: int, seed: int) -> None:
    frames = view(length, seed).frames
    shortest, longest = round(0.8 * length), round(1.2 * length)
    assert max(32, min(shortest, 230)) <= len(frames) <= min(max(longest, 32), 230) + 3


@given(LENGTHS, SEEDS)
def test_no_frame_twice_where_the_clip_gets_shorter(length: int, seed: int) -> None:
    frames = view(length, seed).frames
    assert len(frames) > length or len(set(frames.tolist())) == len(frames)


@given(LENGTHS, SEEDS)
def test_a_longer_clip_shows_every_frame_about_as_often(length: int, seed: int) -> None:
    frames = view(length, seed).frames
    if len(frames) > length:
        counts = np.bincount(frames, minlength=length)
        assert counts.min() >= 1
        assert counts.max() - counts.min() <= 1


def test_frames_drawn_with_replacement_are_those_of_version_0_1() -> None:
    """What that version drew, and the draws after it."""
    drawn = {
        0: ([0, 0, 0, 1, 2, 2, 4, 4, 4, 5, 5, 5, 6, 7, 8, 8], (0.9350724237877682, 0.8158535541215322, True)),
        1: ([0, 1, 2, 2, 2, 2, 3, 3, 4, 5, 6, 7, 7, 7, 8, 8], (0.027559113243068367, 0.7535131086748066, False)),
    }
    for seed, (frames, (top, left, flip)) in drawn.items():
        config = TrainConfig(min_frames=12, lengthen="random")
        shown = random_view(9, 16, 4, config, np.random.default_rng(seed))
        assert shown.transform == PixelTransform(top, left, flip)
        assert shown.frames.tolist() == frames
    many = [view(100, seed, lengthen="random", rescale=0.0, min_frames=120).frames for seed in range(50)]
    assert abs(np.mean([len(set(frames.tolist())) for frames in many]) - 100 * (1 - np.exp(-1.2))) < 3


def test_without_rescaling_a_clip_stays_as_it_is() -> None:
    for length in (32, 64, 228):
        assert view(length, 0, rescale=0.0).frames.tolist() == list(range(length))
    assert len(view(33, 0, rescale=0.0).frames) == 36


def test_lengths_spread_over_the_range() -> None:
    lengths = [len(view(100, seed).frames) for seed in range(400)]
    assert min(lengths) <= 84
    assert max(lengths) >= 116
    assert abs(np.mean(lengths) - 101.5) < 2


def test_flip_is_as_likely_as_set() -> None:
    for probability in (0.0, 0.5, 1.0):
        share = np.mean([view(40, seed, flip=probability).transform.flip for seed in range(400)])
        assert abs(share - probability) < 0.1 * (0 < probability < 1) + 1e-9


@given(LENGTHS, SEEDS)
def test_the_seed_says_it_all(length: int, seed: int) -> None:
    one, two = view(length, seed), view(length, seed)
    assert one.frames.tolist() == two.frames.tolist()
    assert one.transform == two.transform


@given(LENGTHS, SEEDS, st.lists(st.integers(1, 3), max_size=60), st.sampled_from([0, 40]))
def test_the_length_is_known_before_the_view(length: int, seed: int, targets: list[int], rest: int) -> None:
    least = minimum_steps(targets) * 4
    known = view_length(length, least, 4, TrainConfig(drop=0.3, rest=rest), np.random.default_rng(seed))
    assert known == len(view(length, seed, tuple(targets), drop=0.3, rest=rest).frames)


@given(LENGTHS, SEEDS, st.integers(1, 100))
def test_rest_holds_the_ends_of_the_view(length: int, seed: int, rest: int) -> None:
    shown = view(length, seed, rest=rest)
    before, after = shown.rest
    assert 0 <= before < rest and 0 <= after < rest + 4
    assert len(shown.frames) % 4 == 0
    inner = shown.frames[before : len(shown.frames) - after]
    assert 32 <= len(inner) <= 230
    assert set(shown.frames[:before].tolist()) <= {inner[0]}
    assert set(shown.frames[len(shown.frames) - after :].tolist()) <= {inner[-1]}


@given(st.integers(30, 300), SEEDS, st.sampled_from([0, 40]))
def test_each_shown_frame_shows_what_it_shows_in_the_clip(length: int, seed: int, rest: int) -> None:
    """Also when it is repeated or left out; the held ends show no sign, as do frames outside all times."""
    times = ((0.2, 0.48), (0.4, 0.8))  # at 25 frames per second; where they overlap, the second
    known = known_frames(length, (7, 9), times, 25.0)
    assert known is not None
    assert known.tolist() == [0] * 5 + [7] * 5 + [9] * 10 + [0] * (length - 20)
    chosen = view(length, seed, rest=rest, drop=0.3).of(known)
    assert chosen.shown is not None
    before, after = chosen.rest
    inner = slice(before, len(chosen.frames) - after)
    assert chosen.shown[inner].tolist() == known[chosen.frames[inner]].tolist()
    assert not chosen.shown[:before].any() and not chosen.shown[len(chosen.frames) - after :].any()


@given(LENGTHS, SEEDS, st.sampled_from([0, 40]))
def test_without_times_only_rest_is_known(length: int, seed: int, rest: int) -> None:
    assert known_frames(length, (1,), (), 25.0) is known_frames(length, (1,), ((0.0, 0.1),), 0.0) is None
    chosen = view(length, seed, rest=rest).of(None)
    before, after = chosen.rest
    if before or after:
        assert chosen.shown is not None
        assert chosen.shown.tolist() == [0] * before + [-1] * (len(chosen.frames) - before - after) + [0] * after
    else:
        assert chosen.shown is None


@given(st.integers(1, 9), st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)), min_size=1, max_size=4))
def test_every_gloss_has_a_frame_of_the_clip(length: int, times: list[tuple[float, float]]) -> None:
    for start, end in sign_frames(tuple(times), 25.0, length):
        assert 0 <= start < end <= length


@given(LENGTHS, SEEDS)
def test_what_is_off_draws_nothing(length: int, seed: int) -> None:
    """An option must not change the draws of all others."""
    plain, lively = view(length, seed), view(length, seed, jitter=0.2, erase=1.0)
    assert plain.transform.colour is None and plain.transform.hole is None
    assert plain.frames.tolist() == lively.frames.tolist()
    assert (plain.transform.top, plain.transform.left, plain.transform.flip) == (
        lively.transform.top,
        lively.transform.left,
        lively.transform.flip,
    )


def test_lost_frames_are_gone_and_the_length_stays() -> None:
    shown = [view(200, seed, rescale=0.0, drop=0.25).frames for seed in range(200)]
    assert abs(np.mean([len(set(frames.tolist())) for frames in shown]) - 150) < 3
    for frames in shown:
        assert len(frames) == 200
        assert all(
            frame in (number, before)
            for number, (frame, before) in enumerate(zip(frames[1:], frames, strict=False), start=1)
        )


@given(SEEDS)
def test_colour_and_hole_lie_within_their_bounds(seed: int) -> None:
    transform = view(40, seed, jitter=0.3, erase=1.0).transform
    assert transform.colour is not None and transform.hole is not None
    assert all(0.7 <= factor <= 1.3 for factor in transform.colour)
    top, left, height, width = transform.hole
    assert 0 <= top <= top + height <= 1
    assert 0 <= left <= left + width <= 1
    assert 0.019 <= height * width <= 0.201
    assert 0.49 <= height / width <= 2.01


def test_erasing_is_as_likely_as_set() -> None:
    assert abs(np.mean([view(40, seed, erase=0.25).transform.hole is not None for seed in range(400)]) - 0.25) < 0.08
