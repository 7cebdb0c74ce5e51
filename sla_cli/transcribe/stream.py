"""Recognises signs while somebody signs: frames with times go in, events come out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sla_cli.core.annotation import Sign, is_pause, known
from sla_cli.core.arguments import as_number, as_whole
from sla_cli.core.calibration import Calibration
from sla_cli.core.windows import Windows
from sla_cli.errors import SlaError
from sla_cli.search.growing import Growing
from sla_cli.transcribe.events import LATEST, Event, Final, Partial, SentenceEnd
from sla_cli.transcribe.inputs import as_picture
from sla_cli.transcribe.live_signs import LiveSigns, PlacedGloss
from sla_cli.transcribe.live_steps import LiveSteps
from sla_cli.transcribe.one_at_a_time import OneAtATime
from sla_cli.transcribe.pace import Pace
from sla_cli.transcribe.recording import as_stored
from sla_cli.transcribe.runtime import Runtime
from sla_cli.transcribe.thinned import ThinnedPush
from sla_cli.work.run_facts import FrameFormat

LOOKAHEAD = 0.6  # seconds
LONGEST_GAP = 2.0  # seconds; after a longer one a new recording begins
LONGEST_WAIT = 60.0  # seconds
MOST_EVERY = 100
MEASURED = 10  # frames whose times tell their rate, for a run that was trained on several rates


@dataclass(frozen=True)
class Live:
    """What all streams of a recognizer share.

    Attributes:
        reduce: as for `as_stored`.
        begin: starts a search.
        windows: what the head looks at.
        causal: whether the head sees no later frames.
    """

    runtime: Runtime
    lock: OneAtATime
    frames: FrameFormat
    reduce: int
    glosses: Sequence[str]
    calibration: Calibration
    begin: Callable[[], Growing]
    windows: Windows
    causal: bool


@dataclass(frozen=True)
class StreamOptions:
    """How one stream works; `Recognizer.stream` says what for.

    Attributes:
        hop, lookahead, pause: in seconds.
        min_confidence: from 0 to 1.
    """

    hop: float
    lookahead: float
    pause: float
    min_confidence: float


def open_stream(
    live: Live, lookahead: float | None, hop: float, pause: float, min_confidence: float
) -> RecognitionStream:
    """A stream; arguments and errors as of `Recognizer.stream`."""
    if not live.frames.fps:
        raise SlaError("the run does not know the frame rate of its training clips", "Train it on clips with one.")
    if lookahead is None:
        lookahead = 0.0 if live.causal else LOOKAHEAD
    options = StreamOptions(
        hop=as_number(hop, "hop", 0, LONGEST_WAIT),
        lookahead=as_number(lookahead, "lookahead", 0, LONGEST_WAIT),
        pause=as_number(pause, "pause", 0),
        min_confidence=as_number(min_confidence, "min_confidence", 0, 1),
    )
    live.begin()  # raises now if the search cannot grow
    return RecognitionStream(live, options)


class RecognitionStream:
    """Frames of one camera; `Recognizer.stream` makes it. Memory and work for each frame do not grow.

    After a gap of more than 2 seconds, or a time that is earlier than the one before it, what was signed is final,
    and a new recording begins.

    Attributes:
        every: for a machine that is slower than the frames: of the model's frames compute every second (2), third, …
            until it is set back to 1. Fewer signs are right then.
    """

    def __init__(self, live: Live, options: StreamOptions) -> None:
        self._live, self._options = live, options
        self._part: _Part | None = None
        self._begun: list[tuple[NDArray[np.uint8], float]] = []  # its first frames, before it
        self._last: float | None = None  # time of its newest frame
        self.every = 1

    def push(self, frame: NDArray[np.uint8], time: float) -> list[Event]:
        """The events that a frame causes.

        Args:
            frame: RGB uint8 (height, width, 3), of any size. It is copied: a camera may write the next one into it.
            time: seconds of any clock; times of events are of the same.

        Raises:
            SlaError: a frame of another shape or type, a time that is no number, `every` is no whole number from 1 to
                100, or the model gave NaN.
        """
        every = as_whole(self.every, "every", 1, MOST_EVERY)
        picture, time = as_picture(frame).copy(), as_number(time, "time", -LATEST, LATEST)
        with self._live.lock:
            events = [] if self._last is None or 0 <= time - self._last <= LONGEST_GAP else self._end()
            self._last = time
            if self._part is not None:
                return events + self._part.add(picture, time, every)
            self._begun.append((picture, time))
            frames = self._live.frames
            enough = len(self._begun) == MEASURED or frames.fps_lowest == frames.fps_highest
            return events + self._begin(every) if enough else events

    def finish(self) -> list[Event]:
        """The events of what was signed last. A stream may go on after it, with a new recording."""
        with self._live.lock:
            return self._end()

    def _begin(self, every: int) -> list[Event]:
        """The events of the first frames, which tell the rate, by the rule for recordings."""
        begun, self._begun = self._begun, []
        step = float(np.median(np.diff([time for _, time in begun]))) if len(begun) > 1 else 0.0
        rate = 1 / step if step else 0.0  # 0 of frames that came at once
        self._part = part = _Part(self._live, self._options, self._live.frames.seen_rate(rate) or self._live.frames.fps)
        return [event for picture, time in begun for event in part.add(picture, time, every)]

    def _end(self) -> list[Event]:
        events = self._begin(1) if self._begun else []
        if self._part is not None:
            events += self._part.end()
        self._part = self._last = None
        return events


class _Part:
    """A recording without gaps. `rate`: frames per second that the model sees."""

    def __init__(self, live: Live, options: StreamOptions, rate: float) -> None:
        self._live, self._options, self._rate = live, options, rate
        runtime, stride = live.runtime, live.runtime.stride
        self._pace: Pace[NDArray[np.uint8]] = Pace(rate)
        self._hop = max(1, round(options.hop * rate / stride)) * stride
        self._push = ThinnedPush(runtime.streaming(self._hop))
        lookahead = round(options.lookahead * rate)
        self._steps = LiveSteps(runtime.head, stride, live.windows, lookahead, runtime.least, len(live.glosses) + 1)
        most = live.windows.length // stride
        # A head that sees no later frames emits a gloss when its sign is over, others in the middle of it.
        following = 0 if live.causal else 1
        self._signs = LiveSigns(live.begin(), self._steps, live.calibration, stride, most, following)
        self._waiting: list[NDArray[np.uint8]] = []
        self._sentence: tuple[float, float] | None = None  # start and end of what is final since the last end of one
        self._said: tuple[str, ...] = ()
        self._time = 0.0

    def add(self, picture: NDArray[np.uint8], time: float, every: int) -> list[Event]:
        self._time = time
        self._waiting += map(self._stored, self._pace.add(time, picture))
        if len(self._waiting) < self._hop:
            return []
        frames, self._waiting = np.stack(self._waiting), []
        final = self._signs.add(self._steps.add(self._push(frames, False, every)))
        expected = [self._sign(one) for one in self._signs.expected]
        events = list(self._finals(final))
        if not expected and self._paused():
            events.append(self._end_of_sentence())
        said = tuple(sign.gloss for sign in expected)
        # After a final sign also if the glosses are the same: they are other signs, as of a gloss that is repeated.
        if said != self._said or (said and events):
            self._said = said
            events.append(Partial(tuple(expected), self._time))
        return events

    def end(self) -> list[Event]:
        """All that was not final becomes final."""
        self._waiting += map(self._stored, self._pace.end())
        frames = np.stack(self._waiting) if self._waiting else None
        found = [] if frames is None else [*self._push(frames, False)]
        if frames is None and not self._steps.frames:
            return []
        side = self._live.frames.size
        found += self._push(np.empty((0, side, side, 3), np.uint8), True)
        placed = self._signs.add(self._steps.add(found, last=True), last=True)
        events = list(self._finals(placed))
        if self._said:
            events.append(Partial((), self._time))
        if self._sentence is not None:
            events.append(self._end_of_sentence())
        return events

    def _paused(self) -> bool:
        """Whether the pause since the last sign of a sentence is long enough."""
        seen = self._seconds(self._steps.done * self._live.runtime.stride)
        return self._sentence is not None and is_pause(self._sentence[1], seen, self._options.pause)

    def _end_of_sentence(self) -> SentenceEnd:
        assert self._sentence is not None
        (start, end), self._sentence = self._sentence, None
        return SentenceEnd(start, end, self._time)

    def _finals(self, placed: Iterable[PlacedGloss]) -> Iterator[Event]:
        """Final signs, and before one the end of a sentence whose pause was over unseen, as when many frames came."""
        for one in placed:
            sign = self._sign(one)
            if self._sentence is not None and is_pause(self._sentence[1], sign.start, self._options.pause):
                yield self._end_of_sentence()
            self._sentence = (sign.start if self._sentence is None else self._sentence[0], sign.end)
            yield Final(sign, self._time)

    def _sign(self, one: PlacedGloss) -> Sign:
        gloss = known(self._live.glosses[one.column - 1], one.confidence, self._options.min_confidence)
        return Sign(gloss, self._seconds(one.start), self._seconds(one.end), one.confidence)

    def _seconds(self, frame: int) -> float:
        return self._pace.begin + frame / self._rate

    def _stored(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return as_stored(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), self._live.frames, self._live.reduce)
