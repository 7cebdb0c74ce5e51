"""Live streams: each has a worker process of its own while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Condition, Lock
from time import monotonic
from typing import NamedTuple

import msgspec
from starlette.websockets import WebSocketDisconnect

from sla_cli.serve.driven import LOOK, Driven, LostError
from sla_cli.serve.jobs import MOMENT, FullError
from sla_cli.serve.limits import LATER, SILENT, STUCK, UNREAD, WAITING_FRAMES
from sla_cli.serve.messages import Dropped, Fault
from sla_cli.serve.talk import Frame, Said

BROKEN = (WebSocketDisconnect, OSError, RuntimeError, TimeoutError, CancelledError)  # what sending to a client raises
NORMAL, LEFT, INVALID, LOST = 1000, 1001, 1007, 1011  # close codes of WebSocket


class Closed(NamedTuple):
    """How a stream ended: a code of WebSocket and a sentence."""

    code: int
    reason: str = ""


@dataclass
class Stream:
    """One client. Its frames come in the event loop, a worker's thread takes them.

    Args:
        loop: the event loop.
        send: sends a text to the client.
        length: seconds after which it ends.

    Attributes:
        dropped: frames that came faster than they could be computed.
        closed: when nothing more will be sent.
    """

    loop: asyncio.AbstractEventLoop
    send: Callable[[str], Awaitable[None]]
    length: float
    dropped: int = 0
    closed: Future[Closed] = field(default_factory=Future)
    _frames: deque[bytes] = field(default_factory=deque)
    _over: bool = False
    _left: bool = False
    _told: int = 0
    _changed: Condition = field(default_factory=Condition)

    def offer(self, frame: bytes) -> None:
        """A frame has come. If too many wait, every second one of them is dropped, so that those left are evenly
        spaced."""
        with self._changed:
            if self._over:
                return
            if len(self._frames) >= WAITING_FRAMES:
                before = len(self._frames)
                self._frames = deque(list(self._frames)[1::2])
                self.dropped += before - len(self._frames)
            self._frames.append(frame)
            self._changed.notify()

    def finish(self) -> None:
        """No more frames will come; the client waits for what they show."""
        with self._changed:
            self._over = True
            self._changed.notify()

    def leave(self) -> None:
        """The client has gone."""
        with self._changed:
            self._over = self._left = True
            self._frames.clear()
            self._changed.notify()

    def drive(self, process: Driven) -> None:
        """Compute the frames. Raises LostError."""
        self._end(self._drive(process))

    def lost(self, error: LostError) -> None:
        """Tell the client that the process has ended."""
        self._end(Closed(LOST, str(error)))

    def _drive(self, process: Driven) -> Closed:
        end = monotonic() + self.length
        while True:
            frame = self._next(process, end)
            process.send(Frame(frame))
            answer = process.receive(STUCK)
            assert isinstance(answer, Said)
            if answer.fault:
                self._tell(Fault(error=answer.fault))
                return (
                    Closed(LOST, "recognition failed") if answer.failed else Closed(INVALID, "a message is not a frame")
                )
            for text in answer.texts:
                self._say(text)
            if self.dropped != self._told:
                self._told = self.dropped
                self._tell(Dropped(dropped=self._told))
            if not frame:
                return Closed(LEFT if self._left else NORMAL)

    def _next(self, process: Driven, end: float) -> bytes:
        """The next frame; b"" at the end, also if none comes or the stream is too long.

        Raises LostError if the process ends meanwhile.
        """
        silent = monotonic() + SILENT
        with self._changed:
            while not self._changed.wait_for(lambda: self._frames or self._over, LOOK) and monotonic() < silent:
                if not process.alive:
                    raise process.lost()
            if not self._frames or monotonic() > end:
                self._over = True
                self._frames.clear()
                return b""
            return self._frames.popleft()

    def _tell(self, message: msgspec.Struct) -> None:
        self._say(msgspec.json.encode(message).decode())

    def _say(self, text: str) -> None:
        """Send, and wait until the client has taken it; one that does not take it has left."""
        if self._left:
            return
        sending = asyncio.run_coroutine_threadsafe(_awaited(self.send(text)), self.loop)
        try:
            sending.result(UNREAD)
        except BROKEN:
            sending.cancel()
            self.leave()

    def _end(self, closed: Closed) -> None:
        if not self.closed.done():
            self.closed.set_result(closed)


async def _awaited(sending: Awaitable[None]) -> None:
    await sending


@dataclass
class Streams:
    """Gives streams to idle workers.

    Args:
        offered: how many there may be at once, 0 for none ever.
        ready: how many workers have their model.
    """

    offered: int
    ready: Callable[[], int]
    running: int = 0
    _new: SimpleQueue[Stream] = field(default_factory=SimpleQueue)
    _lock: Lock = field(default_factory=Lock)

    @property
    def free(self) -> int:
        """Streams that can begin now."""
        return max(0, self.ready() - self.running)

    def admit(self, stream: Stream) -> None:
        """Begin a stream. Raises FullError if no worker is idle."""
        with self._lock:
            if not self.free:
                raise FullError(LATER)
            self.running += 1
        stream.closed.add_done_callback(self._ended)
        self._new.put(stream)

    def take(self) -> Stream | None:
        """The next one, after a moment None: for a worker."""
        try:
            return self._new.get(timeout=MOMENT)
        except Empty:
            return None

    def _ended(self, closed: Future[Closed]) -> None:
        with self._lock:
            self.running -= 1
