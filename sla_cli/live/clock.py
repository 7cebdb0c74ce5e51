"""Times of frames that come while they are made: from the first one on, and always later than the one before."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from sla_cli.core.counted import counted
from sla_cli.errors import FrameError
from sla_cli.live.squared import squared
from sla_cli.video.decoder import Decoder, UndecodableError
from sla_cli.video.video_file import JUMP, USUAL

SET = 10.0  # seconds; a larger step of a time that a camera states is a clock that was set, not a pause


def timed(decoder: Decoder, fault: str, *, live: bool) -> Iterator[tuple[float, np.ndarray]]:
    """Time in seconds from the first frame on, and picture with square pixels.

    Args:
        fault: what is said, followed by the number of frames, if a piece does not decode.
        live: whether frames come when they are made: then their times tell the step where those stated are not
            plausible, else the rate in the header.

    Raises:
        FrameError: a piece does not decode.
    """
    clock, count, before = Clock(SET if live else JUMP), 0, time.monotonic()
    try:
        for picture in decoder:
            now = time.monotonic()
            step = now - before if live else 1 / decoder.rate if decoder.rate else USUAL
            before, count = now, count + 1
            moment = clock.time(picture.time if decoder.timed else None, step)
            yield moment, squared(picture.image, decoder.pixel_aspect)
    except UndecodableError as error:
        raise FrameError(f"{fault} after {counted(count, 'frame')}") from error


class Clock:
    """Makes the times of frames, in seconds from the first one. `longest`: seconds of a step that is plausible."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._now = self._stated = 0.0
        self._begun = False

    def time(self, stated: float | None, step: float) -> float:
        """The time of the next frame.

        Args:
            stated: seconds of the source's clock; None if it has none.
            step: seconds since the frame before as known otherwise, where the source's clock is not plausible.
        """
        passed = None if stated is None else stated - self._stated
        if self._begun:
            self._now += passed if passed is not None and 0 < passed <= self._longest else max(step, 1e-3)
        self._begun = True
        self._stated = self._stated if stated is None else stated
        return self._now
