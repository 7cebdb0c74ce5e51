"""Threads that each drive one worker process, and start it again when it has ended."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Protocol

from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.serve.driven import Driven, LostError

AGAIN = 2.0  # seconds before a process that did not open its model is started again
TRIES = 3  # of a process that never opened its model
HINT = "Look at the limits of memory, processes and open files; `sla transcribe` with the same options may show more."
REPLACED = SlaError(
    "the model was replaced while the service was running, and a new process would recognise otherwise",
    "Start the service again; processes that have the old model go on.",
)


class Work(Protocol):
    """Something that a worker does."""

    def drive(self, process: Driven) -> None:
        """Do it, and tell the client. Raises LostError."""

    def lost(self, error: LostError) -> None:
        """Tell the client why it cannot be done, or put it off."""


@dataclass
class Workers:
    """Processes for one kind of work.

    Args:
        take: waits a moment for work; None if there is none.
        opening, memory: as for `Driven`.
        failed: called once if no process can open the model, or none is left with the model of the first.

    Attributes:
        ready: processes that have their model, working or idle.
        restarts: processes that were started again.
        fault: why `failed` was called.
        made: how the processes recognise, as of `Recognizer`; what clients are told is of this model.
    """

    count: int
    take: Callable[[], Work | None]
    opening: Mapping[str, Any]
    memory: int
    failed: Callable[[], object]
    ready: int = 0
    restarts: int = 0
    fault: SlaError | None = None
    made: Mapping[str, str] | None = None
    _stop: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)
    _processes: dict[int, Driven] = field(default_factory=dict)
    _threads: list[Thread] = field(default_factory=list)
    _opened: bool = False

    def start(self) -> None:
        """Start all; returns at once."""
        self._threads = [Thread(target=self._keep, args=(number,), daemon=True) for number in range(self.count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End all processes, whatever they do."""
        self._stop.set()
        with self._lock:
            for process in self._processes.values():
                process.kill()
        for thread in self._threads:
            thread.join()

    def _keep(self, number: int) -> None:
        tries, process = 0, None
        while not self._stop.is_set():
            try:
                tries += 1
                process = Driven(self.opening, self.memory)
                with self._lock:
                    self.restarts += number in self._processes
                    self._processes[number] = process
                    if self._stop.is_set():
                        process.kill()
                if not self._is_same(process.open()):
                    self._unusable(REPLACED, for_ever=True)
                    return
                tries = 0
                self._serve(process)
            except SlaError as error:
                self._unusable(error)
            except LostError as error:
                if tries >= TRIES:
                    self._unusable(SlaError(f"no process has loaded the model in {tries} tries: {error}", HINT))
            finally:
                if process is not None:
                    process.close()
            if tries:
                self._stop.wait(AGAIN)

    def _is_same(self, made: Mapping[str, str]) -> bool:
        """Whether a process has the model of the first one."""
        with self._lock:
            self.made = self.made or made
            return made == self.made

    def _serve(self, process: Driven) -> None:
        """Do work until the process has ended."""
        work, lost = None, None
        with self._lock:
            self.ready += 1
            self._opened = True
        try:
            while lost is None and not self._stop.is_set() and process.alive:
                if (work := self.take()) is not None:
                    try:
                        work.drive(process)
                    except LostError as error:
                        lost = error
        finally:
            with self._lock:
                self.ready -= 1
        if work is not None and lost is not None:  # told when the process does not count as ready any more
            work.lost(lost)

    def _unusable(self, error: SlaError, *, for_ever: bool = False) -> None:
        """End the service if no process has ever had the model, or none has it and none can get it."""
        if self._stop.is_set():  # `stop` has ended the process; the service may report another fault
            return
        if self._opened and not (for_ever and not self.ready):
            log.error("%s%s", "" if for_ever else "the model cannot be opened: ", error.message)
        elif self.fault is None:
            self.fault = error  # with which the service ends
            self.failed()


def threads_for(workers: int, cores: int) -> None:
    """Let processes that start from now on compute in their share of the cores, unless the user says otherwise."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // workers)))
