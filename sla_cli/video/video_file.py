"""Video files: pictures with their times, as a player shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from sla_cli.errors import FrameError
from sla_cli.video.container import missing_bytes, promised_seconds

# FFmpeg's own messages name no file; ours do. It is read once, when the first video is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

PREROLL = 2.0  # seconds before a part's start at which a long video is entered: decoders need a keyframe
SLACK = 0.5  # seconds by which a video may fall short of what is asked or promised
SAME = 0.02  # measured and stated rate that differ by less are one


class Video:
    """One video file, read once from front to back.

    Args:
        path: on disk.
        where: what to name in messages.
    """

    def __init__(self, path: Path, where: str) -> None:
        self.path, self.where = path, where
        self.decoded = 0
        self._first = self._last = 0.0  # times of the decoded frames
        self.stated = 0.0  # frames per second in the header

    @property
    def rate(self) -> float:
        """Frames per second of what was decoded: as the header states, or measured where the rate varies."""
        shown = self._last - self._first
        if shown <= 0:
            return self.stated
        measured = (self.decoded - 1) / shown
        return self.stated if abs(self.stated - measured) < SAME * measured else measured

    def frames(self, start: float | None = None, end: float | None = None) -> Iterator[tuple[float, np.ndarray]]:
        """Time in seconds and picture, BGR uint8 (height, width, 3), turned upright as its rotation mark says.

        Args:
            start, end: seconds of the part that is wanted; frames around it may come too.

        Raises:
            FrameError: the file does not open or ends before `end`, or before what it promises: names file and frame.
        """
        if not self.path.stat().st_size:
            raise FrameError(f"{self.where} is empty (0 bytes)", "Copy it again.")
        with self._seek(start or 0.0) as capture:
            self.stated = _positive(capture.get(cv2.CAP_PROP_FPS))
            claimed = int(_positive(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            while (read := capture.read())[0]:
                yield self._timed(capture), read[1]
        self._check_complete(claimed, end)

    @contextmanager
    def _seek(self, start: float) -> Iterator[cv2.VideoCapture]:
        """The video shortly before `start`, or at its beginning where seeking does not lead there."""
        capture = self._open()
        try:
            if start > 2 * PREROLL:
                found = capture.set(cv2.CAP_PROP_POS_MSEC, 1000 * (start - PREROLL)) and capture.grab()
                if not found or capture.get(cv2.CAP_PROP_POS_MSEC) > 1000 * start:
                    capture.release()
                    capture = self._open()
            yield capture
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        # One thread: clips are worked on in parallel. `file:` so that no name is taken for an address.
        options = [cv2.CAP_PROP_N_THREADS, 1]
        capture = cv2.VideoCapture(f"file:{self.path.absolute()}", cv2.CAP_FFMPEG, options)
        if not capture.isOpened():
            reason = f"does not open as a video ({self.path.stat().st_size} bytes)"
            raise FrameError(f"{self.where} {reason}", "Is it complete? Does a player play it?")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        return capture

    def _timed(self, capture: cv2.VideoCapture) -> float:
        """The time of the frame just read. A container without times in order (AVI with B-frames) counts frames."""
        time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if self.decoded and time <= self._last:
            time = self._last + (1 / self.stated if self.stated else 0.04)
        if not self.decoded:
            self._first = time
        self._last = time
        self.decoded += 1
        return time

    def _check_complete(self, claimed: int, end: float | None) -> None:
        """Called after the last frame. Raises FrameError where there should be more."""
        shown_until = self._last + (1 / self.rate if self.rate else 0.0)
        counts = f"{self.decoded} of {claimed or 'an unknown number of'} frames decode, up to {shown_until:.2f} s"
        if lacking := missing_bytes(self.path):
            raise FrameError(f"{self.where} is cut short by {lacking} bytes: {counts}", "Copy it again.")
        promised = promised_seconds(self.path)
        if promised is not None and shown_until < promised - SLACK:
            raise FrameError(f"{self.where} is broken after frame {self.decoded}: {counts} of {promised:.2f} s")
        if not self.decoded:
            raise FrameError(f"{self.where} holds no frame that decodes")
        if end is not None and end > shown_until + SLACK:
            reason = f"ends at {shown_until:.2f} s, before {end:.2f} s"
            raise FrameError(f"{self.where} {reason}", "Correct the end in the table.")


def _positive(value: float) -> float:
    """What a container without a header states is negative or enormous."""
    return value if 0 < value < 1e9 else 0.0
