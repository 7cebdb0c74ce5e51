"""Times of frames that come while they are made: from the first one on, and always later than the one before."""

from __future__ import annotations

JUMP = 10.0  # seconds; a larger step of a stated time is a clock that was set, not a pause
USUAL = 0.04  # seconds from frame to frame, if nothing states them


class Clock:
    """Makes the times of frames, in seconds from the first one."""

    def __init__(self) -> None:
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
            self._now += passed if passed is not None and 0 < passed <= JUMP else max(step, 1e-3)
        self._begun = True
        self._stated = self._stated if stated is None else stated
        return self._now
