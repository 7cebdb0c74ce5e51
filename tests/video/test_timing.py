"""Another frame rate by nearest time: the frames that are chosen, and that the work stays proportional to the input."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from sla_cli.errors import FrameError
from sla_cli.video.timing import MORE, REPEATS, selected


@given(
    frames=st.integers(1, 60), rate=st.sampled_from([10.0, 12.5, 24.0, 25.0, 50.0]), target=st.sampled_from([5, 25, 30])
)
def test_each_time_has_the_nearest_frame(frames: int, rate: float, target: int) -> None:
    times = [number / rate for number in range(frames)]
    found = list(selected(zip(times, range(frames), strict=True), None, None, target, "a"))
    assert abs(len(found) - (frames / rate * target if frames > 1 else 1)) <= 1
    for time, number in found:
        assert abs(times[number] - time) <= min(abs(other - time) for other in times) + 1e-9


@given(gap=st.floats(1e-3, 1e9), frames=st.integers(1, 200))
def test_the_result_is_bounded_by_what_was_read(gap: float, frames: int) -> None:
    """A file of 200 frames may state that each lasts for years."""
    read = 0

    def shown():
        nonlocal read
        for number in range(frames):
            read += 1
            yield number * gap, number

    try:
        for count, _ in enumerate(selected(shown(), None, None, 25.0, "far.mp4"), start=1):
            assert count <= MORE + REPEATS * read + 1
    except FrameError as error:
        assert "far.mp4: its" in error.message
        assert gap > REPEATS / 25 / 2


def test_a_still_picture_of_minutes_is_no_error() -> None:
    frames = [(0.0, 0), (300.0, 1), (300.04, 2)]
    assert len(list(selected(frames, None, None, 25.0, "a"))) == 7502
    assert list(islice(selected(frames, None, None, 0, "a"), 3)) == frames
