"""From a source to what is shown and written, until the source or the user ends it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import cv2
import numpy as np

from sla_cli.core.counted import counted
from sla_cli.live.display import Show
from sla_cli.live.feed import Feed
from sla_cli.live.results import Results
from sla_cli.live.source import Source
from sla_cli.log import log
from sla_cli.system.workers import signals
from sla_cli.transcribe.segments import Segment, Segments
from sla_cli.transcribe.stream import RecognitionStream
from sla_cli.video.recorder import Recorder


def follow(
    source: Source,
    stream: RecognitionStream,
    show: Show,
    *,
    realtime: bool = False,
    record: Path | None = None,
    results: Results | None = None,
) -> None:
    """Recognise what a source shows until it ends. Ctrl-C and SIGTERM end it as well; a second one interrupts.

    Args:
        show: called with each segment when it has changed.
        realtime: as of `Feed`.
        record: a file for the frames as they came.
        results: gets the segments, and is written at the end, whatever ends it.

    Raises:
        SlaError: the source failed, or a file cannot be written; all else is shown and written before.
    """
    with ExitStack() as stack:
        recorder = None if record is None else stack.enter_context(Recorder(record))
        feed = stack.enter_context(Feed(source, realtime=realtime, recorder=recorder))
        stack.enter_context(_ended_by_signals(feed.stop))
        _recognise(feed, stream, show, results)
    feed.check()


def _recognise(feed: Feed, stream: RecognitionStream, show: Show, results: Results | None) -> None:
    segments, signs, before, now = Segments(), 0, 0.0, 0.0

    def say(changed: Iterable[Segment]) -> None:
        nonlocal signs
        for segment in changed:
            show(segment)
            signs += len(segment.tokens) if segment.is_final else 0
            if results is not None:
                results.add(segment)

    try:
        for moment, picture in feed:
            before, now = now, moment
            stream.every = feed.every
            rgb = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
            say(segments.add(stream.push(rgb, moment)))
        say(segments.add(stream.finish()))
    finally:
        if feed.read and results is not None:
            results.write(now + (now - before))  # the last frame is shown as long as the one before it
    if feed.read and not signs:
        log.warning("no sign was recognised in %s, %.1f s", counted(feed.read - feed.dropped, "frame"), now)


@contextmanager
def _ended_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` at the first Ctrl-C or SIGTERM; the next one acts as usual. Other threads receive no signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A background job of a shell ignores Ctrl-C, and must continue to do so.
    wanted = [one for one in signals("SIGINT", "SIGTERM") if signal.getsignal(one) is not signal.SIG_IGN]
    before: dict[signal.Signals, Any] = {one: signal.getsignal(one) for one in wanted}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def end(number: int, frame: FrameType | None) -> None:
        restore()
        stop()

    for number in wanted:
        signal.signal(number, end)
    try:
        yield
    finally:
        restore()
