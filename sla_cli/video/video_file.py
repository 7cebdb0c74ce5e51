"""Video files: pictures with their times, as a player shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from sla_cli.config.bounds import FASTEST, RATES
from sla_cli.core.counted import counted
from sla_cli.errors import FrameError
from sla_cli.log import ONCE, log
from sla_cli.video.decoder import Decoder, UndecodableError, conversion, open_video
from sla_cli.video.stated_size import JOINED, another_follows, missing_bytes
from sla_cli.video.timing import SHORTER, check_end

SAME = 0.02  # measured and stated rate count as equal if they differ by less
JUMP = 600.0  # seconds without a picture that mean wrong times, not a pause
PAUSE = 10  # times the usual step: a picture that is shown longer gives a warning
# At most so many pixels of all pictures together, and so many more for each byte of the file: a GIF of 46 kB may hold
# thousands of pictures of the largest size. A recording that shows the same picture all the time has half as many.
PIXELS, PIXELS_PER_BYTE = 2_000_000_000, 100_000
USUAL = 0.04  # seconds from frame to frame, if neither times nor header state them


class Video:
    """One video file, read once from front to back.

    Args:
        file: open for reading.
        where: name of the video for messages.

    Attributes:
        decoded: frames so far.
        stated: frames per second in the header, known with the first frame; 0 if it states none that is plausible.
        pixel_aspect: width of a pixel of the upright picture over its height, known with the first frame.
        claimed: frames as the header states, known with the first frame; 0 if it states none.
    """

    def __init__(self, file: BinaryIO, where: str) -> None:
        self.where = where
        self.decoded = 0
        self.stated, self.pixel_aspect, self.claimed = 0.0, 1.0, 0
        self._file = file
        self._header_step = USUAL  # seconds from frame to frame as in the header, also if it is not plausible
        self._first = self._last = 0.0  # times of the decoded frames
        self._pixels = 0  # of the decoded frames
        self._damaged: list[float] = []  # times of damaged frames
        self._paused = False

    @property
    def rate(self) -> float:
        """Frames per second of what was decoded, as `rate_of`."""
        return self.rate_of(self.decoded, self._first, self._last)

    def rate_of(self, frames: int, first: float, last: float) -> float:
        """Frames per second from one time to another: as in the header, or measured if the times contradict it.

        Raises FrameError for a rate with which times cannot be counted."""
        if last <= first:
            return self.stated
        measured = (frames - 1) / (last - first)
        if measured > RATES[1]:
            fault = f"{self.where} has {measured:.0f} frames per second by its times"
            raise FrameError(fault, "Give it others: `ffmpeg -r 25 -i`.")
        return self.stated if abs(self.stated - measured) < SAME * measured else measured

    def frames(self, start: float | None = None, end: float | None = None) -> Iterator[tuple[float, np.ndarray]]:
        """Time in seconds and picture, BGR uint8 (height, width, 3), turned and mirrored as the file says.

        Args:
            start, end: seconds of the wanted part; frames around it may be yielded too.

        Raises:
            FrameError: the file does not open, or ends before `end`, or before the stated length: names file, codec and
                frame; or it has far more pixels than its bytes can hold of a recording.
            OSError: the file cannot be read.
        """
        begin = start or 0.0
        if not (size := self._file.seek(0, os.SEEK_END)):
            raise FrameError(f"{self.where} is empty (0 bytes)", "Copy it again.")
        missing = missing_bytes(self._file)
        if another_follows(self._file):
            hint = "Join them with `ffmpeg -f concat`, or give them one by one."
            raise FrameError(f"{self.where} {JOINED}", hint)
        with open_video(self._file, self.where, missing, begin) as decoder:
            # Headers that state more give the unit of their clock (1000, 90000).
            self.stated = decoder.rate if RATES[0] <= decoder.rate < FASTEST else 0.0
            self.claimed = decoder.frames or round(decoder.duration * decoder.rate)
            self._header_step = 1 / decoder.rate if decoder.rate else USUAL
            broken = False
            try:
                for picture in decoder:
                    self._check_work(picture.image, size)
                    self.pixel_aspect = decoder.pixel_aspect
                    time = self._time(picture.time)
                    if picture.damaged and time >= begin:
                        self._damaged.append(time)
                    yield time, picture.image
            except UndecodableError:
                broken = True
            self._check_complete(decoder, missing, broken, end)
            if begin == 0 and 2 * self.decoded < decoder.frames:  # it was not positioned: FFmpeg leaves them out
                message = "%s shows %d of its %d pictures: the others are cut away, or its times are wrong"
                log.warning(message, self.where, self.decoded, decoder.frames)
        if self.rate > FASTEST:  # no camera has it
            message = "%s has %.0f frames per second by its times; if they are wrong, `ffmpeg -r 25 -i` fixes them"
            log.warning(message, self.where, self.rate)
        if self._damaged:
            found = counted(len(self._damaged), "damaged picture")
            log.warning("%s has %s, the first at %.2f s: copy it again", self.where, found, self._damaged[0])

    def _check_work(self, image: np.ndarray, size: int) -> None:
        """Raise FrameError if a file of `size` bytes holds far more work than any recording of this size."""
        self._pixels += image.shape[0] * image.shape[1]
        if self._pixels > PIXELS + PIXELS_PER_BYTE * size:
            many = f"more pixels in its first {counted(self.decoded + 1, 'frame')} than a recording of {size:,} bytes"
            smaller = conversion(self.where, "-vf", "scale=640:-2")
            raise FrameError(f"{self.where} has {many}", f"Make it smaller: {smaller}")

    def _time(self, stated: float | None) -> float:
        """The time of the frame just read. Frames are counted if there are no times (a bare H.264 stream), or if they
        are not in order (AVI with B-frames)."""
        if not self.decoded:
            self._first = time = stated or 0.0
        elif stated is None or stated <= self._last:
            time = self._last + self._header_step
        else:
            time = stated
            self._check_step(time)
        self._last = time
        self.decoded += 1
        return time

    def _check_step(self, time: float) -> None:
        step = time - self._last
        if step > JUMP:
            jump = f"jumps from {self._last:.2f} s to {time:.2f} s after frame {self.decoded}"
            before = conversion(self.where, "-to", f"{self._last + JUMP / 2:.2f}", end="before")
            hint = f"Cut it: {before} and {conversion(self.where, '-ss', f'{time:.2f}', end='after')}"
            raise FrameError(f"{self.where} {jump}", hint)
        usual = (self._last - self._first) / max(1, self.decoded - 1)
        if step > max(SHORTER, PAUSE * usual) and self.decoded > PAUSE and not self._paused:
            self._paused = True
            message = "%s shows no new picture from %.2f s to %.2f s: a pause of the camera, or damage"
            log.warning(message, self.where, self._last, time, extra=ONCE)  # the file may be read twice

    def _check_complete(self, decoder: Decoder, missing: int, broken: bool, end: float | None) -> None:
        """Called after the last frame. Raises FrameError if there should be more.

        Args:
            missing: bytes that the file should have.
            broken: whether a piece does not decode.
            end: second of the last wanted frame.
        """
        shown_until = self._last + (1 / self.rate if self.rate else 0.0)
        stated = self.claimed if self.claimed >= self.decoded else 0  # a header may be wrong
        counts = f"{self.decoded} of {stated or 'an unknown number of'} frames decode ({decoder.codec})"
        until = f"{counts}, up to {shown_until:.2f} s"
        if missing:
            raise FrameError(f"{self.where} lacks {counted(missing, 'byte')} at its end: {until}", "Copy it again.")
        if not self.decoded:
            reason = f"has no frame that decodes (codec {decoder.codec})"
            raise FrameError(f"{self.where} {reason}", f"Convert it: {conversion(self.where)}")
        # Of a header with a wrong duration, the number of frames may be right.
        if broken or (decoder.reached < decoder.duration - SHORTER and self.decoded != decoder.frames):
            of = f" of {decoder.duration:.2f} s" if decoder.duration else ""
            hint = f"Copy it again, or keep what decodes: {conversion(self.where)}"
            raise FrameError(f"{self.where} is broken after frame {self.decoded}: {until}{of}", hint)
        check_end(end, shown_until, self.where)
