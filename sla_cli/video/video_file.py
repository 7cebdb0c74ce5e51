"""Video files: pictures with their times, as a player shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from sla_cli.core.counted import counted
from sla_cli.errors import FrameError, ReadError
from sla_cli.log import log
from sla_cli.video.container import Container, read_container
from sla_cli.video.in_memory import in_memory
from sla_cli.video.refusal import codec_name, conversion, not_opened, refuse_no_video

# FFmpeg's and OpenCV's own messages do not name the file; those of sla do. FFmpeg reads its variable only once, when
# the first video is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
if "OPENCV_LOG_LEVEL" not in os.environ:
    (cv2 if hasattr(cv2, "setLogLevel") else vars(cv2.utils)["logging"]).setLogLevel(0)  # OpenCV 4, or 5

PREROLL = 2.0  # seconds before the start of a part to which a long video is positioned: decoders need a keyframe
SLACK = 0.5  # seconds by which a video may be shorter than requested or stated
SAME = 0.02  # measured and stated rate count as equal if they differ by less
FASTEST = 1000.0  # frames per second; headers that state more give the unit of their clock (1000, 90000)
LATEST = 60.0  # seconds; a later first picture has times of another clock, such as that of a broadcast
JUMP = 600.0  # seconds without a picture that mean wrong times, not a pause
PAUSE = 10  # times the usual step: a picture that is shown longer gives a warning
LARGEST = 64_000_000  # most pixels of a picture: 8K has half as many
TRIES = 100  # reads after a failed one, to distinguish damage from the end


class BrokenVideo(FrameError):
    """A video of which not all frames decode."""


class Video:
    """One video file, read once from front to back.

    Args:
        path: on disk.
        where: name of the video for messages.

    Attributes:
        decoded: frames so far.
        stated: frames per second in the header, known with the first frame; 0 if it states none that is plausible.
        pixel_aspect: width of a pixel of the upright picture over its height, known with the first frame.
        claimed: frames as the header states, known with the first frame; 0 if it states none.
    """

    def __init__(self, path: Path, where: str) -> None:
        self.path, self.where = path, where
        self._file = path  # or of its copy in memory
        self.decoded = 0
        self.stated, self.pixel_aspect, self.claimed = 0.0, 1.0, 0
        self._container = Container()
        self._codec = ""
        self._header_rate = 0.0  # also if it is not plausible
        self._first = self._last = 0.0  # times of the decoded frames
        self._paused = False

    @property
    def rate(self) -> float:
        """Frames per second of what was decoded: as in the header, or measured if the times contradict it."""
        shown = self._last - self._first
        if shown <= 0:
            return self.stated
        measured = (self.decoded - 1) / shown
        return self.stated if abs(self.stated - measured) < SAME * measured else measured

    def frames(self, start: float | None = None, end: float | None = None) -> Iterator[tuple[float, np.ndarray]]:
        """Time in seconds and picture, BGR uint8 (height, width, 3), rotated according to its rotation mark.

        Args:
            start, end: seconds of the wanted part; frames around it may be yielded too.

        Raises:
            FrameError: the file does not open, or ends before `end`, or before the stated length: names file, codec and
                frame.
        """
        with in_memory(self.path) as self._file:
            yield from self._frames(start, end)
        if self.rate > FASTEST:
            message = "%s has %.0f frames per second by its times; if they are wrong, `ffmpeg -r 25 -i` fixes them"
            log.warning(message, self.where, self.rate)

    def _frames(self, start: float | None, end: float | None) -> Iterator[tuple[float, np.ndarray]]:
        self._container = read_container(self._file)
        refuse_no_video(self._file, self.where, self._container)
        with self._seek(start or 0.0) as capture:
            self._read_header(capture)
            self.claimed = int(_positive(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
            while (read := capture.read())[0]:
                yield self._timed(capture), read[1]
            resumes = any(capture.grab() for _ in range(TRIES))
        try:
            self._check_complete(self.claimed, resumes, end)
        except BrokenVideo as error:
            if self._file == self.path and (again := self._count(start or 0.0)) != self.decoded:
                message = f"{self.where} gives {counted(self.decoded, 'frame')}, but {again} when it is read again"
                raise ReadError(message, "Check its disk, then run it again.") from error
            raise

    def _count(self, start: float) -> int:
        """Frames that decode when the file is read again: FFmpeg treats a read error of the disk as the end."""
        with self._seek(start) as capture:
            return next(number for number in count() if not capture.grab())

    @property
    def _delay(self) -> float:
        """Seconds before the first picture; OpenCV's times start with it."""
        delay = self._container.tracks.delay if self._container.tracks else 0.0
        return delay if 0 < delay < LATEST else 0.0

    @contextmanager
    def _seek(self, start: float) -> Iterator[cv2.VideoCapture]:
        """The video, positioned shortly before `start`, or at its beginning if seeking fails."""
        capture = self._open()
        try:
            if start > 2 * PREROLL:
                target = 1000 * (start - self._delay)
                found = capture.set(cv2.CAP_PROP_POS_MSEC, target - 1000 * PREROLL) and capture.grab()
                if not found or capture.get(cv2.CAP_PROP_POS_MSEC) > target:
                    capture.release()
                    capture = self._open()
            yield capture
        finally:
            capture.release()

    def _open(self) -> cv2.VideoCapture:
        # One thread: clips are processed in parallel. `file:` prevents that a name is read as an address.
        options = [cv2.CAP_PROP_N_THREADS, 1]
        file = f"file:{self._file.absolute()}"
        capture = cv2.VideoCapture(file, cv2.CAP_FFMPEG, options)
        if not capture.isOpened() and not capture.open(file, cv2.CAP_FFMPEG, options):  # its disk may be slow
            raise not_opened(self._file, self.where, self._container)
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        return capture

    def _read_header(self, capture: cv2.VideoCapture) -> None:
        """Raises FrameError for a stated size that would need gigabytes."""
        width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > LARGEST:
            reason = f"states pictures of {width}x{height} pixels, more than {LARGEST // 10**6} million"
            smaller = conversion(self.where, "-vf", "scale=1920:-2")
            raise FrameError(f"{self.where} {reason}", f"Make it smaller: {smaller}")
        code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        codecs = self._container.tracks.codecs if self._container.tracks else ()
        self._codec = codec_name(code.to_bytes(4, "little").decode("latin-1").strip("\0 ") or "".join(codecs[:1]))
        self._header_rate = _positive(capture.get(cv2.CAP_PROP_FPS))
        self.stated = self._header_rate if self._header_rate < FASTEST else 0.0
        wide, high = capture.get(cv2.CAP_PROP_SAR_NUM), capture.get(cv2.CAP_PROP_SAR_DEN)
        on_its_side = round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 180 == 90
        if wide > 0 and high > 0:
            self.pixel_aspect = high / wide if on_its_side else wide / high

    def _timed(self, capture: cv2.VideoCapture) -> float:
        """The time of the frame just read. Frames are counted if there are no times (a Matroska of a few frames), or if
        they are not in order (AVI with B-frames)."""
        time = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 + self._delay
        if abs(time) > 1e9:  # none
            time = self._last + (1 / self.stated if self.stated else 0.04) if self.decoded else self._delay
        if not self.decoded:
            self._first = time
        elif time <= self._last:
            time = self._last + (1 / self._header_rate if self._header_rate else 0.04)
        else:
            self._check_step(time)
        self._last = time
        self.decoded += 1
        return time

    def _check_step(self, time: float) -> None:
        step = time - self._last
        if step > JUMP:
            jump = f"jumps from {self._last:.2f} s to {time:.2f} s after frame {self.decoded} ({self._codec})"
            raise FrameError(f"{self.where} {jump}", f"Convert it: {conversion(self.where)}")
        usual = (self._last - self._first) / max(1, self.decoded - 1)
        if step > max(SLACK, PAUSE * usual) and self.decoded > PAUSE and not self._paused:
            self._paused = True
            message = "%s shows no new picture from %.2f s to %.2f s: a pause of the camera, or damage"
            log.warning(message, self.where, self._last, time)

    def _check_complete(self, claimed: int, resumes: bool, end: float | None) -> None:
        """Called after the last frame. Raises FrameError if there should be more.

        Args:
            claimed: frames by the header, 0 if unknown.
            resumes: whether frames decode after one that does not.
            end: second of the last wanted frame.
        """
        shown_until = self._last + (1 / self.rate if self.rate else 0.0)
        counts = f"{self.decoded} of {claimed or 'an unknown number of'} frames decode ({self._codec})"
        until = f"{counts}, up to {shown_until:.2f} s"
        if lacking := self._container.missing:
            raise FrameError(f"{self.where} lacks {lacking} bytes at its end: {until}", "Copy it again.")
        if not self.decoded and not resumes:
            reason = f"has no frame that decodes (codec {self._codec})"
            raise BrokenVideo(f"{self.where} {reason}", f"Convert it: {conversion(self.where)}")
        promised = self._container.tracks.end if self._container.tracks else None
        ends_early = promised is not None and shown_until < promised - SLACK and self.decoded != claimed
        if resumes or ends_early:
            of = f" of {promised:.2f} s" if promised else ""
            hint = f"Copy it again, or keep what decodes: {conversion(self.where)}"
            raise BrokenVideo(f"{self.where} is broken after frame {self.decoded}: {until}{of}", hint)
        if end is not None and end > shown_until + SLACK:
            reason = f"ends at {shown_until:.2f} s, before {end:.2f} s"
            raise FrameError(f"{self.where} {reason}", "Correct the end in the table.")


def _positive(value: float) -> float:
    """A container without a header states negative or huge values."""
    return value if 0 < value < 1e9 else 0.0
