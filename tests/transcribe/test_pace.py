"""Frames that come one by one are chosen as those of a file."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as some

from sla_cli.transcribe.pace import Pace
from sla_cli.video.timing import selected


@given(some.lists(some.floats(0.01, 0.5), max_size=20), some.sampled_from([8.0, 12.5, 25.0, 50.0]))
def test_frames_that_come_are_chosen_as_those_of_a_file(steps: list[float], rate: float) -> None:
    times, pace = list(accumulate(steps, initial=0.0)), Pace[int](rate)
    found = [one for number, time in enumerate(times) for one in pace.add(time, number)]
    whole = selected(((time, number) for number, time in enumerate(times)), None, None, rate, "it")
    assert [*found, *pace.end()] == [number for _, number in whole]
