"""The service's side of a worker process: starts it, talks to it, and ends it if it takes too much time or memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from time import monotonic
from typing import Any

from sla_cli.serve.talk import Answer, Order, Ready, Unusable
from sla_cli.system.host_memory import resident_bytes
from sla_cli.system.workers import spawn_context

LOOK = 0.2  # seconds between two looks at the memory
ENOUGH = 3600.0  # seconds to open a model, which may have to be downloaded


def _work(connection: Connection, opening: Mapping[str, Any]) -> None:
    """The process; only there torch is imported."""
    from sla_cli.serve.process import work

    work(connection, opening)


class LostError(Exception):
    """The process has ended, or was ended; the message says why, in one sentence for the client.

    Attributes:
        by_itself: it was not ended for too much time or memory, so the same work may succeed in another process.
    """

    def __init__(self, message: str, *, by_itself: bool = False) -> None:
        super().__init__(message)
        self.by_itself = by_itself


@dataclass
class Driven:
    """One process. Used by one thread; `kill` by any.

    Args:
        opening: arguments of `Recognizer.open`.
        memory: resident bytes that it may have.
    """

    opening: Mapping[str, Any]
    memory: int
    _connection: Connection = field(init=False)
    _opened: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        """Raises LostError if no process can be started."""
        try:
            context = spawn_context()
            self._connection, theirs = context.Pipe()
            self.process = context.Process(target=_work, args=(theirs, self.opening), daemon=True)
            self.process.start()
        except OSError as error:  # too many processes or open files
            raise LostError(f"no process can be started ({error.strerror})", by_itself=True) from error
        theirs.close()

    def open(self) -> Mapping[str, str]:
        """Wait until it has its model; returns `Recognizer.made`.

        Raises SlaError if the model cannot be opened, and LostError.
        """
        answer = self.receive(ENOUGH)
        if isinstance(answer, Unusable):
            self.kill()
            raise answer.error
        assert isinstance(answer, Ready)
        self._opened = True
        return answer.made

    def send(self, order: Order) -> None:
        """Raises LostError."""
        try:
            self._connection.send(order)
        except OSError as error:
            raise self.lost() from error

    def receive(self, seconds: float) -> Answer:
        """The next answer. Raises LostError if none comes in time, the process has ended, or its memory is too much."""
        end = monotonic() + seconds
        while True:
            came = self._connection.poll(max(0.0, min(LOOK, end - monotonic())))
            if resident_bytes(self.process.pid or 0) > self.memory:
                self.kill()
                raise LostError("recognition needed more memory than this service allows")
            if came:
                break
            if monotonic() > end:
                self.kill()
                raise LostError("recognition took longer than this service allows")
        try:
            answer: Answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self.lost() from error
        return answer

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.is_alive()

    def kill(self) -> None:
        """End it."""
        self.process.kill()

    def close(self) -> None:
        """End it, and free what belongs to it."""
        self.kill()
        self.process.join()
        self._connection.close()

    def lost(self) -> LostError:
        """The error for the process having ended."""
        self.process.join(1)
        reason = "the process that recognised it ended unexpectedly, which a damaged video may cause"
        return LostError(reason if self._opened else "it ended unexpectedly", by_itself=True)
