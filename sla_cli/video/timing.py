"""Selects frames of a recording: a part of it, and another frame rate by nearest time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import count
from typing import TypeVar

from sla_cli.errors import FrameError

T = TypeVar("T")
SLACK = 5e-4  # seconds; containers round times to milliseconds
SHORTER = 0.5  # seconds by which a recording may be shorter than requested or stated


# At most so many frames of the result for each frame that was read, and so many more: a file of 9 kB may state that its
# 200 frames last for days.
REPEATS, MORE = 100, 10_000


def selected(
    frames: Iterable[tuple[float, T]], start: float | None, end: float | None, rate: float, where: str
) -> Iterator[tuple[float, T]]:
    """Frames between two times, with their times in seconds.

    Args:
        frames: time in seconds, ascending, and frame. Only as many as needed are read.
        start, end: seconds, end exclusive; None is the beginning or the end.
        rate: frames per second of the result, at start, start + 1/rate, ...; the frame nearest in time is used for
            each. 0 uses all frames.
        where: name of the recording, for the message.

    Raises:
        FrameError: frames are so far apart that each would have to be repeated many times.
    """
    begin, stop = start or 0.0, math.inf if end is None else end
    if rate:
        read = 0

        def counted() -> Iterator[tuple[float, T]]:
            nonlocal read
            for frame in frames:
                read += 1
                yield frame

        for number, found in enumerate(_nearest(counted(), begin, stop, rate)):
            if number > MORE + REPEATS * read:
                fault = f"{where}: its {read} frames so far would become more than {number} at {rate:g} per second"
                raise FrameError(
                    fault,
                    "Cut it at its long pause; if it has none, its frame rate is wrong: copy it with another one.",
                )
            yield found
        return
    for time, frame in frames:
        if time >= stop - SLACK:
            return
        if time >= begin - SLACK:
            yield time, frame


def check_end(end: float | None, shown_until: float, where: str) -> None:
    """Raise FrameError if the wanted part ends, in seconds, after the recording."""
    if end is not None and end > shown_until + SHORTER:
        reason = f"ends at {shown_until:.2f} s, before {end:.2f} s"
        raise FrameError(f"{where} {reason}", "Correct the end where it is stated.")


def _nearest(frames: Iterable[tuple[float, T]], begin: float, stop: float, rate: float) -> Iterator[tuple[float, T]]:
    times = (begin + number / rate for number in count())
    wanted, held, step = next(times), None, 0.0
    for time, frame in frames:
        if held is not None:
            step = time - held[0]
            while wanted <= held[0] + step / 2 and wanted < stop - SLACK:
                yield wanted, held[1]
                wanted = next(times)
        if wanted >= stop - SLACK:
            return
        held = time, frame
    # The last frame lasts as long as the one before it; a single frame is used as it is.
    while held is not None and wanted < min(stop, held[0] + (step or 1 / rate)) - SLACK:
        yield wanted, held[1]
        wanted = next(times)
