"""Frames between a source and what recognises: none of a file is lost, and what waits of a camera is bounded."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from sla_cli.errors import SlaError
from sla_cli.live.feed import WAITING, Feed
from sla_cli.video.recorder import Recorder

PICTURE = np.zeros((16, 16, 3), np.uint8)


class Given:
    """A source with so many frames, of so many a second, which then fails or ends."""

    name, media = "given", None

    def __init__(self, frames: int, *, rate: float = 25, live: bool = False, error: str = "") -> None:
        self.live = live
        self._count, self._rate, self._error = frames, rate, error
        self.given = 0
        self.goes_on = threading.Event()  # after the first frame
        self.goes_on.set()

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        for number in range(self._count):
            self.given += 1
            yield number / self._rate, PICTURE
            self.goes_on.wait(60)
        if self._error:
            raise SlaError(self._error)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    return caplog


def times(feed: Feed, *, slow: float = 0.0) -> list[float]:
    found = []
    for moment, _ in feed:
        time.sleep(slow)
        found.append(moment)
    return found


class Silent(Given):
    """A source that is on, and sends nothing until it is stopped."""

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        yield from super().frames(stopped)
        stopped.wait(20)


def test_a_wait_for_a_picture_is_said_once(said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Feed(Silent(2))

    def stop() -> None:
        while not said.records:
            time.sleep(0.01)
        time.sleep(0.5)  # for another message
        feed.stop()

    found = []
    for moment, _ in feed:
        found.append(moment)
        if len(found) == 2:  # a busy machine may be late with these
            monkeypatch.setattr("sla_cli.live.feed.QUIET", 0.1)
            threading.Thread(target=stop).start()
    assert found == [0, 0.04]
    assert [one.getMessage() for one in said.records] == [
        "no picture came from given for 0.1 s; Ctrl-C ends the waiting"
    ]


def test_no_frame_of_a_file_is_lost_and_none_is_read_too_early(said: pytest.LogCaptureFixture) -> None:
    source = Given(3 * WAITING)
    feed = Feed(source)
    first = next(frames := iter(feed))
    time.sleep(0.2)
    assert source.given <= WAITING + 2  # the rest waits in the file
    assert [first[0], *(moment for moment, _ in frames)] == [number / 25 for number in range(3 * WAITING)]
    assert (feed.read, feed.dropped, feed.every, said.text) == (3 * WAITING, 0, 1, "")
    feed.dropped = 1
    feed.__exit__()
    assert f"1 of {3 * WAITING} frames was left out" in said.text


@pytest.mark.parametrize("realtime", [True, False], ids=["a file as a camera", "a camera"])
def test_frames_that_come_too_fast_are_dropped_and_counted(
    realtime: bool, said: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    many = 6 * WAITING
    with Recorder(tmp_path / "all.mkv") as recorder:
        every, found = [], []
        source = Given(many, rate=1000, live=not realtime)
        source.goes_on.clear()
        with Feed(source, realtime=realtime, recorder=recorder) as feed:
            for moment, _ in feed:
                source.goes_on.set()  # before, another frame might be waiting already
                while feed.read < many:  # a busy machine may be late with these
                    time.sleep(0.001)
                every.append(feed.every)
                found.append(moment)
    assert feed.read == many == len(found) + feed.dropped and feed.dropped > 0
    assert found == sorted(set(found))
    assert max(every) == 3 and every[0] == every[-1] == 1
    assert recorder.frames == many  # the recording is whole
    assert [said.text.count(part) for part in ("slower than the frames", "are left out", "were left out")] == [1, 1, 1]
    assert f"{feed.dropped} of {many} frames were left out" in said.text


def test_in_real_time_frames_come_at_their_times() -> None:
    begin = time.monotonic()
    assert len(times(Feed(Given(10, rate=50), realtime=True))) == 10
    assert time.monotonic() - begin > 9 / 50


def test_it_stops_and_what_waits_is_still_yielded() -> None:
    source = Given(10**9)
    feed = Feed(source)
    found = []
    for number, (moment, _) in zip(count(), feed, strict=False):
        found.append(moment)
        if number == 5:
            while source.given < 6 + WAITING + 1:  # no frame more finds room
                time.sleep(0.01)
            feed.stop()
    assert WAITING <= len(found) <= WAITING + 8 and found == [number / 25 for number in range(len(found))]
    feed.check()


def test_it_stops_also_while_nothing_comes() -> None:
    """What was recognised is shown and written before it waits for the source."""
    again = threading.Event()

    class Stalled(Given):
        def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
            yield from super().frames(stopped)
            assert again.wait(60)

    with Feed(Stalled(3, live=True)) as feed:
        found = []
        for moment, _ in feed:
            found.append(moment)
            if len(found) == 3:
                feed.stop()
        assert len(found) == 3 and not again.is_set()
        again.set()
    feed.check()


def test_an_error_is_raised_after_the_last_frame() -> None:
    feed = Feed(Given(7, error="it broke"))
    assert len(times(feed)) == 7
    with pytest.raises(SlaError, match="it broke"):
        feed.check()
