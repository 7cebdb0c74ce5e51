"""Log-probabilities while frames come: final ones, which had enough frames after them, and those that may change."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.place import FrameScores
from sla_cli.core.windows import Windows
from sla_cli.model.frame_stream import FrameBuffer
from sla_cli.transcribe.runtime import Features
from sla_cli.transcribe.windows import Floats
from sla_cli.work.emissions import check_finite


class LiveSteps:
    """The temporal head over the newest frames, again each time that some have come.

    Args:
        head: as of `JoinedWindows`.
        stride: frames per step.
        windows: what the head looks at. Steps for which it has no room any more are final as they are in recordings,
            so a lookahead or a part longer than it loses nothing.
        lookahead: frames after a step until it is final.
        least: as of `Runtime`.
        columns: of log-probabilities.

    Attributes:
        done: number of final steps.
        ahead: log-probabilities of the steps after them, float32 (steps, columns).
    """

    def __init__(
        self, head: Callable[[Floats], Floats], stride: int, windows: Windows, lookahead: int, least: int, columns: int
    ) -> None:
        self._head, self._stride, self._windows, self._lookahead, self._least = head, stride, windows, lookahead, least
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
        length, context = self._windows.length, self._windows.context
        final = []
        while end > (stop := max(0, self.done * self._stride - context) + length):
            final.append(self._take(stop, (stop - context) // self._stride)[0])
        until = -(-end // self._stride) if last else max(self.done, (end - self._lookahead) // self._stride)
        newest, self.ahead = self._take(end, until)
        self._rows.forget(max(0, end - length))
        return np.concatenate([*final, newest])

    def _take(self, stop: int, until: int) -> tuple[Floats, Floats]:
        """The steps of the window that ends at a frame: those that become final now, before `until`; and the others."""
        start = self._windows.start(stop, self._stride)
        steps, offset = self._head(self._rows.rows(start, stop)), start // self._stride
        check_finite("the stream", steps)
        begin, self.done = self.done, until
        return steps[begin - offset : until - offset], steps[until - offset :]

    def shown(self, start: int, stop: int) -> FrameScores | None:
        """Which sign each of these frames shows; None if the model has no scores."""
        return FrameScores(self._shown.rows(start, stop), self._least) if self._least else None

    def forget(self, step: int) -> None:
        """The scores of frames before a step are not asked for again."""
        if self._least:
            self._shown.forget(step * self._stride)
