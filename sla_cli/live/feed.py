"""Frames of a source, read in a thread of its own; what waits to be recognised is bounded."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Self

import numpy as np

from sla_cli.core.counted import counted
from sla_cli.live.source import Source
from sla_cli.log import ONCE, log
from sla_cli.video.recorder import Recorder

WAITING = 50  # frames that wait at most: two seconds of a camera, some hundred megabytes in HD
QUIET = 20.0  # seconds without a frame after which that is said
OFTEN = 0.05  # seconds after which a waiting thread looks whether to stop
LONGEST_READ = 15.0  # seconds: every source gives up sooner
# Of the room, from which part on every second and every third frame is computed, and below which again every one.
LATE, LATER, IN_TIME = 0.5, 0.75, 0.1


class Feed:
    """The frames of a source, once; for `with`.

    A file's frames are all yielded. Of a source that does not wait, or one that is played in real time, frames that
    find no room are dropped, counted, and reported.

    Attributes:
        read: frames that came.
        dropped: of these, those that were not yielded.
        every: of the frames that are yielded, every second (2) or third should be computed while the machine is late.
    """

    def __init__(self, source: Source, *, realtime: bool = False, recorder: Recorder | None = None) -> None:
        """
        Args:
            realtime: frames come at their times, as from a camera, not as fast as they can be read.
            recorder: gets every frame that comes, also one that is dropped.
        """
        self._source, self._realtime, self._recorder = source, realtime, recorder
        self._waiting: queue.Queue[tuple[float, np.ndarray]] = queue.Queue(WAITING)
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._reader = threading.Thread(target=self._read, name="source", daemon=True)
        self._error: BaseException | None = None
        self.read = self.dropped = 0
        self.every = 1

    def stop(self) -> None:
        """No more frames are read; those that wait are still yielded."""
        self._stopped.set()

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Seconds and picture, as of `Source.frames`. An error of the source is raised by `check`, after the last."""
        self._reader.start()
        while (frame := self._next()) is not None:
            self._pace()
            yield frame

    def check(self) -> None:
        """Raise the error that ended the source, if one did."""
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Stop, and wait until nothing is read any more: a source without frames takes up to its time-out."""
        self.stop()
        if self._reader.is_alive():
            self._reader.join(LONGEST_READ)
        if self.dropped:
            number = f"{self.dropped} of {counted(self.read, 'frame')}"
            log.warning("%s %s left out", number, "was" if self.dropped == 1 else "were")

    def _pace(self) -> None:
        """Set `every` from what waits. A file waits itself."""
        part = 0.0 if self._waits else self._waiting.qsize() / WAITING
        if part > LATE and self.every == 1:
            message = "this machine is slower than the frames: at times it computes only every second or third one"
            log.warning(message, extra=ONCE)
        if part < IN_TIME:
            self.every = 1
        else:
            self.every = max(self.every, 1 + (part > LATE) + (part > LATER))

    @property
    def _waits(self) -> bool:
        return not (self._realtime or self._source.live)

    def _next(self) -> tuple[float, np.ndarray] | None:
        """The next frame; None after the last one. A warning says once that none has come for long."""
        said, begin = False, time.monotonic()
        while True:
            if not said and time.monotonic() - begin > QUIET:
                log.warning("no picture came from %s for %g s; Ctrl-C ends the waiting", self._source.name, QUIET)
                said = True
            over = self._ended.is_set() or self._stopped.is_set()  # before the queue is looked at: nothing follows then
            try:
                return self._waiting.get(block=not over, timeout=OFTEN)
            except queue.Empty:
                if over:
                    return None

    def _read(self) -> None:
        try:
            self._read_all()
        except BaseException as error:  # noqa: BLE001, the other thread raises it
            if not self._stopped.is_set():
                self._error = error
        finally:
            self._ended.set()

    def _read_all(self) -> None:
        begin: float | None = None
        for moment, picture in self._source.frames(self._stopped):
            begin = time.monotonic() - moment if begin is None else begin
            if self._realtime:
                self._stopped.wait(begin + moment - time.monotonic())
            if self._stopped.is_set():
                return
            self.read += 1
            if self._recorder is not None:
                self._recorder.add(moment, picture)
            self._offer((moment, picture))

    def _offer(self, frame: tuple[float, np.ndarray]) -> None:
        while not self._stopped.is_set():
            try:
                self._waiting.put(frame, block=self._waits, timeout=OFTEN)
                return
            except queue.Full:
                if not self._waits:
                    self._drop(frame[0])
                    return

    def _drop(self, moment: float) -> None:
        if not self.dropped:
            log.warning("at %.1f s: frames come much faster than this machine computes; some are left out", moment)
        self.dropped += 1
