"""Features of all frames from a part of them, for a machine that is slower than the frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sla_cli.transcribe.runtime import Features, Push


class ThinnedPush:
    """As `Push`, but computes only every n-th frame; its features stand for the frames up to the next one."""

    def __init__(self, push: Push) -> None:
        self._push = push
        self._counts: deque[int] = deque()  # of the frames under way, for how many frames each stands

    def __call__(self, frames: NDArray[np.uint8], last: bool, every: int = 1) -> list[Features]:
        self._counts += [min(every, len(frames) - first) for first in range(0, len(frames), every)]
        return [self._repeated(part) for part in self._push(frames[::every], last)]

    def _repeated(self, part: Features) -> Features:
        counts: Sequence[int] = [self._counts.popleft() for _ in part.rows]
        if max(counts, default=1) == 1:
            return part
        return Features(
            np.repeat(part.rows, counts, axis=0),
            None if part.shown is None else np.repeat(part.shown, counts, axis=0),
            None if part.distances is None else np.repeat(part.distances, counts, axis=0),
        )
