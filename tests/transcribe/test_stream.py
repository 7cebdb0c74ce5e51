"""Frames that come one by one: what is final at the end is what a whole recording gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as some
from recordings import broken_run, copy_run, images_of, signed

from sla_cli.core.annotation import Sign, split_at_pauses
from sla_cli.core.edit_alignment import align, count
from sla_cli.errors import FormatError, SlaError
from sla_cli.transcribe.events import Event, Final, Partial, SentenceEnd
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.segments import Segments
from sla_cli.transcribe.stream import RecognitionStream

SENTENCE = "NORD REGEN SONNE GRAD"
LONG = " ".join([SENTENCE] * 8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recognizer]:
    with Recognizer.open(copy_run(tmp_path_factory.mktemp("stream"))) as opened:
        yield opened


def frames_of(sentence: str, *, rate: int = 25, begin: float = 0.0) -> list[tuple[np.ndarray, float]]:
    """RGB pictures with their times."""
    images = np.repeat(images_of(sentence), rate // 25, axis=0)
    return [(np.ascontiguousarray(image[..., ::-1]), begin + number / rate) for number, image in enumerate(images)]


def events_of(stream: RecognitionStream, frames: Iterable[tuple[np.ndarray, float]]) -> list[Event]:
    found = [event for frame, time in frames for event in stream.push(frame, time)]
    return [*found, *stream.finish()]


def final(events: Iterable[Event]) -> list[Sign]:
    return [event.sign for event in events if isinstance(event, Final)]


@pytest.mark.parametrize("rate", [25, 50])
def test_with_enough_lookahead_the_signs_are_those_of_the_recording(
    model: Recognizer, tmp_path: Path, rate: int
) -> None:
    expected = model.transcribe(signed(tmp_path / "a.mkv", SENTENCE, rate)).signs
    stream = model.stream(lookahead=60)
    found = final(events_of(stream, frames_of(SENTENCE, rate=rate)))
    assert [one.gloss for one in found] == [one.gloss for one in expected] and expected
    for one, other in zip(found, expected, strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=1e-6)
        assert one.confidence == pytest.approx(other.confidence, abs=1e-3)


@pytest.mark.parametrize(("lookahead", "hop"), [(60, 0.2), (0.6, 8), (60, 60)])
def test_what_the_head_has_no_room_for_is_not_lost(
    model: Recognizer, tmp_path: Path, lookahead: float, hop: float
) -> None:
    expected = model.transcribe(signed(tmp_path / "a.mkv", LONG)).signs
    images = frames_of(LONG)
    assert len(images) > model.windows.length + model.windows.context
    found = final(events_of(model.stream(lookahead=lookahead, hop=hop), images))
    # Other windows, so a sign that is hardly seen may be missed by one of both.
    assert count(align([one.gloss for one in expected], [one.gloss for one in found])).wer < 10
    assert max(min(abs(one.start - other.start) for other in expected) for one in found) < 0.5


def test_the_rate_is_chosen_as_for_a_recording(model: Recognizer, tmp_path: Path) -> None:
    """A run that was trained on 25 to 50 frames per second sees all frames of both, and of others the usual rate."""
    mixed = replace(model, frames=replace(model.frames, fps_highest=50.0))
    for rate in (50, 25, 100):
        expected = mixed.transcribe(signed(tmp_path / f"{rate}.mkv", SENTENCE, rate)).signs
        stream = mixed.stream(lookahead=60)
        found = final(events_of(stream, frames_of(SENTENCE, rate=rate)))
        assert [one.gloss for one in found] == [one.gloss for one in expected] and expected
        for one, other in zip(found, expected, strict=True):
            assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=1e-3)
    stream = mixed.stream()
    assert final(events_of(stream, frames_of(SENTENCE)[:5]))  # fewer frames than tell a rate


def test_signs_are_final_soon_in_order_and_never_taken_back(model: Recognizer, tmp_path: Path) -> None:
    expected = model.transcribe(signed(tmp_path / "a.mkv", LONG)).signs
    stream = model.stream(lookahead=0.8)
    events = events_of(stream, frames_of(LONG))
    found = final(events)
    assert count(align([one.gloss for one in expected], [one.gloss for one in found])).wer < 10
    assert all(one.end <= after.start + 1e-6 for one, after in pairwise(found))
    delays = [event.time - event.sign.end for event in events if isinstance(event, Final)]
    assert float(np.median(delays)) < 1.5
    assert any(isinstance(event, Partial) and event.signs for event in events)


def test_a_sentence_ends_after_a_pause(model: Recognizer) -> None:
    first = frames_of(SENTENCE)
    still = [(first[-1][0], first[-1][1] + number / 25) for number in range(1, 60)]
    stream = model.stream(lookahead=0.4, pause=1.0)
    events = events_of(stream, [*first, *still])
    ends = [event for event in events if isinstance(event, SentenceEnd)]
    inside = [[sign for sign in final(events) if end.start <= sign.start < end.end] for end in ends]
    assert [sign for signs in inside for sign in signs] == final(events) and ends
    assert all((signs[0].start, signs[-1].end) == (end.start, end.end) for signs, end in zip(inside, ends, strict=True))


@pytest.mark.parametrize("options", [{}, {"hop": 2.0}, {"lookahead": 3.0}, {"hop": 5.0, "lookahead": 5.0}])
@pytest.mark.parametrize("pause", [0.0, 0.3, 1.0])
def test_sentences_are_divided_as_those_of_recordings(
    model: Recognizer, options: dict[str, float], pause: float
) -> None:
    """Also by pauses that are over before the step in which they are seen."""
    images = images_of(SENTENCE)
    parts = [np.concatenate([images, images[-1:].repeat(still, axis=0)]) for still in (0, 12, 28, 40, 60)]
    frames = [(np.ascontiguousarray(image[..., ::-1]), place / 25) for place, image in enumerate(np.concatenate(parts))]
    events = events_of(model.stream(pause=pause, **options), frames)
    found: list[list[Sign]] = [[]]
    for event in events:
        if isinstance(event, Final):
            found[-1].append(event.sign)
        elif isinstance(event, SentenceEnd):
            assert (event.start, event.end) == (found[-1][0].start, found[-1][-1].end)
            found.append([])
    assert [list(one.signs) for one in split_at_pauses(final(events), pause)] == found[:-1]


def test_no_sign_begins_before_the_end_of_the_one_before_it(model: Recognizer) -> None:
    """Also where a sign was held for long, so that its end was final before the next one was seen."""
    images = images_of(SENTENCE)
    held = np.concatenate([images, images[-1:].repeat(50, axis=0)] * 4)
    frames = [(np.ascontiguousarray(image[..., ::-1]), number / 25) for number, image in enumerate(held)]
    stream = model.stream(pause=0.5)
    found = final(events_of(stream, frames))
    assert len(found) > 8 and all(one.start < one.end <= after.start for one, after in pairwise(found))


@cache
def long_images() -> list[np.ndarray]:
    return [image for image, _ in frames_of(LONG)]


# Seconds from frame to frame: as a network brings them that stalls, and then brings what it held back.
steps_of_time = some.sampled_from([0.001, 0.005, 0.04, 0.04, 0.1, 0.3, 1.0, 1.9]) | some.floats(1e-3, 2)
stretches = some.lists(some.tuples(steps_of_time, some.sampled_from([1, 2, 10, 30])), min_size=1, max_size=8)


@settings(max_examples=10)
@given(stretches=stretches, every=some.integers(1, 4), follows=some.booleans())
@example([(0.3, 30)], 1, False)  # a sign ends where the one before it does
@example([(1.0, 10)], 1, False)  # a gloss is repeated, and expected again when the first one is final
def test_signs_have_a_length_and_are_in_order_at_any_times(
    model: Recognizer, stretches: list[tuple[float, int]], every: int, follows: bool
) -> None:
    """Also what a client shows at any moment. `follows`: a frame shows what is signed at its time, not the next."""
    images, stream, segments, time = long_images(), model.stream(pause=1.0), Segments(), 0.0
    stream.every = every
    found, shown = [], []
    for number, step in enumerate(step for step, times in stretches for _ in range(times)):
        time += step
        events = stream.push(images[(int(time * 25) if follows else number) % len(images)], time)
        found += final(events)
        shown += segments.add(events)
    events = stream.finish()
    found += final(events)
    for message in [*shown, *segments.add(events)]:
        assert all(start < end for start, end in zip(message.timestamps, message.ends, strict=True))
        assert all(end <= start for end, start in zip(message.ends, message.timestamps[1:], strict=False))
    assert all(one.start < one.end for one in found)
    assert all(one.end <= after.start for one, after in pairwise(found))


@pytest.mark.parametrize("begin", [3600.0, 0.0], ids=["after an hour", "the clock jumps back"])
def test_after_a_gap_a_new_recording_begins(model: Recognizer, begin: float) -> None:
    stream = model.stream(lookahead=60)
    alone = final(events_of(stream, frames_of(SENTENCE, begin=0.0)))
    both = [*frames_of(SENTENCE, begin=5.0), *frames_of(SENTENCE, begin=begin)]
    found = final(events_of(stream, both))
    assert [one.gloss for one in found] == 2 * [one.gloss for one in alone]
    for one, other in zip(found[len(alone) :], alone, strict=True):
        assert one.start == pytest.approx(begin + other.start)


def test_frames_that_come_at_one_time_begin_no_new_recording(model: Recognizer) -> None:
    frames = frames_of(SENTENCE)
    burst = [(picture, frames[number - number % 2][1]) for number, (picture, _) in enumerate(frames)]
    alone, found = (final(events_of(model.stream(lookahead=60), some)) for some in (frames, burst))
    assert [one.gloss for one in found] == [one.gloss for one in alone]
    mixed = replace(model, frames=replace(model.frames, fps_highest=50.0))
    assert final(events_of(mixed.stream(), [(picture, time // 1) for picture, time in frames]))


def test_streams_and_recordings_do_not_disturb_each_other(model: Recognizer, tmp_path: Path) -> None:
    video = signed(tmp_path / "a.mkv", "SONNE NORD")
    sentences = (SENTENCE, "GRAD REGEN")
    alone = []
    for sentence in sentences:
        stream = model.stream()
        alone.append(final(events_of(stream, frames_of(sentence))))
    streams: list[Any] = [(model.stream(), frames_of(sentence), []) for sentence in sentences]
    expected = model.transcribe(video).signs
    for number in range(max(len(frames) for _, frames, _ in streams)):
        for stream, frames, events in streams:
            events += stream.push(*frames[number]) if number < len(frames) else []
        if number == 5:
            assert model.transcribe(video).signs == expected
    assert [final([*events, *stream.finish()]) for stream, _, events in streams] == alone


def test_frames_of_other_sizes_and_rates_go_on(model: Recognizer) -> None:
    frames = frames_of(SENTENCE)
    larger = [(np.kron(frame, np.ones((2, 2, 1), np.uint8)), time) for frame, time in frames[10:]]
    slower = [one for number, one in enumerate(frames) if number % 3 != 1]
    stream = model.stream()
    assert events_of(stream, [*frames[:10], *larger])
    assert events_of(stream, slower)
    assert stream.finish() == []


def test_a_camera_may_write_each_picture_into_the_same_memory(model: Recognizer) -> None:
    frames = frames_of(SENTENCE)
    memory = np.empty_like(frames[0][0])

    def written() -> Iterator[tuple[np.ndarray, float]]:
        for picture, time in frames:
            memory[:] = picture
            yield memory, time

    several = replace(model, frames=replace(model.frames, fps_highest=50.0))  # the first pictures wait for their rate
    for one in (model, several):
        assert events_of(one.stream(), written()) == events_of(one.stream(), frames)


def test_a_model_that_gives_nan_is_named(tmp_path: Path) -> None:
    with Recognizer.open(broken_run(tmp_path)) as broken:
        with pytest.raises(FormatError, match=r"a\.mkv: the model gave NaN"):
            broken.transcribe(signed(tmp_path / "a.mkv", SENTENCE))
        with pytest.raises(FormatError, match="the pictures: the model gave NaN"):
            broken.log_probs(picture for picture, _ in frames_of(SENTENCE))
        stream = broken.stream()
        with pytest.raises(FormatError, match="the stream: the model gave NaN"):
            events_of(stream, frames_of(SENTENCE))


@pytest.mark.parametrize(
    ("frame", "time"),
    [
        (np.zeros((8, 8, 3), np.float32), 0.0),
        (np.zeros((2, 8, 8, 3), np.uint8), 0.0),
        (np.zeros((8, 8, 3), np.uint8), float("nan")),
        (np.zeros((8, 8, 3), np.uint8), "0"),
    ],
)
def test_what_is_no_frame_is_refused(model: Recognizer, frame: Any, time: Any) -> None:
    stream = model.stream()
    with pytest.raises(SlaError):
        stream.push(frame, time)


@pytest.mark.parametrize("options", [{"hop": -1}, {"lookahead": 1e9}, {"pause": "1"}, {"min_confidence": 2}])
def test_options_have_bounds(model: Recognizer, options: dict[str, Any]) -> None:
    with pytest.raises(SlaError):
        model.stream(**options)
