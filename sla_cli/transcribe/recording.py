"""One recording as input of a run: the same frames as with `sla prep` and `sla emit`, but without a store."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.store.codec import decode, encode
from sla_cli.video.frames import FrameReader
from sla_cli.video.resize import fitted
from sla_cli.video.timing import selected
from sla_cli.work.run_facts import FrameFormat

GUESS = 25.0  # frames per second, until a video without a rate in its header has been read


class OtherRateError(Exception):
    """The recording has another frame rate than its header states, so other frames must be selected."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.rate = rate


@dataclass(frozen=True)
class Clock:
    """The times of the frames that the run sees.

    Attributes:
        times: of the recording's own frames, in seconds, float64 (frames + 1,); the last is the end of the recording.
        rate: the recording's frames per second, on average.
        seen_rate: frames per second that the run sees.
        seen: number of frames that the run sees.
    """

    times: NDArray[np.float64]
    rate: float
    seen_rate: float
    seen: int

    @property
    def duration(self) -> float:
        """Duration of the recording, in seconds."""
        return float(self.times[-1])

    def seconds(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """Start times of frames, by their number among those that the run sees."""
        if self.seen_rate == self.rate:
            return np.interp(frames, np.arange(len(self.times)), self.times)
        return np.minimum(self.times[0] + frames / self.seen_rate, self.duration)


class _Shown(NamedTuple):
    number: int
    picture: np.ndarray


class Recording:
    """The frames of a recording, in one pass; they are not kept in memory.

    They are the same as in the stages: prep's resizing and default codec; and if the run was trained on other frame
    rates, the frames nearest in time, as with `sla prep --fps`.

    Args:
        source: the recording.
        like: the frames that the run was trained on.
        fps: frame rate of a folder of pictures; a video has its own.
        rate: the frame rate of the recording, if an earlier pass has measured it.
        reduce: 1, 2, 4 or 8: frames are decoded at a fraction of their size, as for `store.codec.decode`.
        longest: seconds; a longer recording is refused, as soon as its header or a frame shows that it is.

    Attributes:
        where: the recording, for messages.
        like: as given.
    """

    def __init__(
        self,
        source: Source,
        like: FrameFormat,
        *,
        fps: float | None = None,
        rate: float = 0.0,
        reduce: int = 1,
        longest: float | None = None,
    ) -> None:
        self._reader = FrameReader(source, fps=fps)
        self.where = f"{source.root / source.path}"
        self.like, self._rate, self._measured, self._reduce = like, rate, bool(rate), reduce
        self._longest = math.inf if longest is None else longest
        self._times: list[float] = []
        self._seen = 0

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Frames, RGB uint8 (side, side, 3).

        Raises:
            FrameError: the recording cannot be read, is too long, or its frame rate is not known.
            OtherRateError: after the last frame, if another pass with this rate is needed.
        """
        before = -1
        image: NDArray[np.uint8] = np.empty(0, np.uint8)
        for shown in self._selected():
            if shown.number != before:  # a frame that is shown twice is prepared once
                aspect = self._reader.pixel_aspect
                image, before = as_stored(shown.picture, self.like, self._reduce, aspect), shown.number
            self._seen += 1
            yield image
        self._check_rate()

    @property
    def missing(self) -> str:
        """Which pictures of a folder are missing, as of `FrameReader`; known with the first frame."""
        return self._reader.missing

    @property
    def expected(self) -> int:
        """Number of frames that the run will see, from the header, known with the first frame; 0 if not stated, or for
        a part of a recording."""
        stated = self._reader.stated or self._rate
        seconds = self._reader.claimed / stated if stated and self._is_whole else 0
        return round(seconds * self.like.seen_rate(self._rate))

    @property
    def clock(self) -> Clock:
        """Known after the last frame."""
        times = self._times
        step = 1 / self._rate
        if len(times) > 1 and not self.like.has_rate(self._rate):
            step = times[-1] - times[-2]  # for as long `selected` shows the last frame
        last = times[-1] + step
        return Clock(np.array([*times, last]), self._rate, self.like.seen_rate(self._rate), self._seen)

    @property
    def _is_whole(self) -> bool:
        return self._reader.source.start is None and self._reader.source.end is None

    def _selected(self) -> Iterator[_Shown]:
        frames = self._numbered()
        first = next(frames)  # then the rate in the header is known
        numbered = (shown for part in ((first,), frames) for shown in part)
        if self.like.has_rate(self._rate):
            yield from numbered
            return
        by_time = ((self._times[-1] - self._times[0], shown) for shown in numbered)
        for _, shown in selected(by_time, None, None, self.like.fps, self.where):
            yield shown

    def _numbered(self) -> Iterator[_Shown]:
        for number, (time, picture) in enumerate(self._reader):
            if math.isnan(time):
                raise FrameError(
                    f"{self.where} is a folder of images whose frame rate is unknown: glosses would have no times",
                    "Give it with --fps.",
                )
            if not number:
                self._rate = self._rate or self._reader.stated or self.like.fps or GUESS
                if self._is_whole and self._reader.stated:
                    self._check_length(self._reader.claimed / self._reader.stated)
            self._times.append(time)
            self._check_length(time - self._times[0])
            yield _Shown(number, picture)

    def _check_length(self, seconds: float) -> None:
        if seconds > self._longest + 1e-6:  # the clock adds times, and so differs in the last bits
            raise FrameError(f"{self.where} is longer than {self._longest:g} s")

    def _check_rate(self) -> None:
        """The rate is measured if that of a video varies, as in `sla prep`, so it is known only at the end."""
        found = self._reader.fps or self._rate  # a single frame has no rate
        if self._measured or found == self._rate:
            return
        if not (self.like.has_rate(found) and self.like.has_rate(self._rate)):
            raise OtherRateError(found)
        self._rate = found


def as_stored(picture: np.ndarray, like: FrameFormat, reduce: int = 1, pixel_aspect: float = 1.0) -> NDArray[np.uint8]:
    """A picture as it would be in a store made by `sla prep` with its default codec.

    Args:
        picture: BGR uint8 (height, width, 3).
        reduce: as for `store.codec.decode`.
        pixel_aspect: as for `video.resize.fitted`.

    Returns:
        RGB uint8 (side, side, 3).
    """
    stored = PrepConfig(size=like.size)
    data = encode(fitted(picture, stored.size, like.fit, pixel_aspect), stored.codec, stored.quality)
    decoded = decode(data, stored.codec, stored.size, reduce)
    assert decoded is not None  # it has just been encoded
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
