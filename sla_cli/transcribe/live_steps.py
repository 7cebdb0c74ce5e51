"""Log-probabilities while frames come: final ones, which had enough frames after them, and those that may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.place import FrameScores
from sla_cli.model.frame_stream import FrameBuffer
from sla_cli.transcribe.runtime import Features
from sla_cli.transcribe.windows import Floats
from sla_cli.work.emissions import check_finite


class LiveSteps:
    """The temporal head over the newest frames, again each time that some have come.

    Args:
        head: as of `JoinedWindows`.
        stride: frames per step.
        length: frames that the head looks at, at most.
        lookahead: frames after a step until it is final.
        least: as of `Runtime`.
        columns: of log-probabilities.

    Attributes:
        done: number of final steps.
        ahead: log-probabilities of the steps after them, float32 (steps, columns).
    """

    def __init__(
        self, head: Callable[[Floats], Floats], stride: int, length: int, lookahead: int, least: int, columns: int
    ) -> None:
        self._head, self._stride, self._length, self._lookahead, self._least = head, stride, length, lookahead, least
        self._rows: FrameBuffer[Floats] = FrameBuffer(np.concatenate)
        self._shown: FrameBuffer[NDArray[np.int8]] = FrameBuffer(np.concatenate)
        self.done = 0
        self.ahead: Floats = np.empty((0, columns), np.float32)

    @property
    def frames(self) -> int:
        """Frames whose features are known."""
        return self._rows.end

    def add(self, found: Iterable[Features], *, last: bool = False) -> Floats:
        """The steps that have become final, float32 (steps, columns). `last`: no frame follows, so all are.

        Raises FormatError if the model gave NaN.
        """
        for part in found:
            self._rows.add(part.rows)
            if part.shown is not None:
                self._shown.add(part.shown)
        end = self._rows.end
        if not end:
            return self.ahead
        start = -(-max(0, end - self._length) // self._stride) * self._stride
        steps, offset = self._head(self._rows.rows(start, end)), start // self._stride
        check_finite("the stream", steps)
        until = offset + len(steps) if last else max(self.done, (end - self._lookahead) // self._stride)
        final, self.ahead = steps[self.done - offset : until - offset], steps[until - offset :]
        self.done = until
        self._rows.forget(min(start, until * self._stride))
        return final

    def shown(self, start: int, stop: int) -> FrameScores | None:
        """Which sign each of these frames shows; None if the model has no scores."""
        return FrameScores(self._shown.rows(start, stop), self._least) if self._least else None

    def forget(self, step: int) -> None:
        """The scores of frames before a step are not asked for again."""
        if self._least:
            self._shown.forget(step * self._stride)
