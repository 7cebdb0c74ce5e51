"""Executors for the work of prep, by default processes on this machine; `dask_cluster` has the other one.

An executor applies one function to many items and returns results in order of completion. If a process dies, only its
item is affected and is tried once more; the result for an item whose process dies twice is `Failure`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import cv2

from sla_cli.log import log
from sla_cli.system.workers import spawn_context, start_worker, starting, usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Failure:
    """Why there is no result for an item: its process died twice, or what the function says.

    Attributes:
        again: whether the fault may be temporary, such as an error of a network file system.
    """

    reason: str
    again: bool = False


Answers: TypeAlias = Generator[tuple[Item, Result | Failure], None, None]


class Executor(Protocol):
    """Raises what the function raises; work in progress is then finished or cancelled, never half kept."""

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]: ...

    def close(self) -> None: ...


class ProcessPool:
    """Processes on this machine; with one job, the work is done in the calling process.

    Each process is a separate pool, so it is known at which item a process died, and no other item is lost.
    """

    def __init__(self, jobs: int = 0) -> None:
        """jobs: processes; 0 uses all usable cores."""
        self.jobs = jobs or usable_cores()
        self._idle: list[ProcessPoolExecutor] = []

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]:
        workers = min(self.jobs, len(items))
        if workers <= 1:
            yield from ((item, function(item)) for item in items)
            return
        waiting, died = deque(range(len(items))), set[int]()
        running: dict[Future[Result], tuple[ProcessPoolExecutor, int]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    number = waiting.popleft()
                    process, future = self._submit(function, items[number])
                    running[future] = (process, number)
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    process, number = running.pop(future)
                    if not isinstance(future.exception(), BrokenProcessPool):
                        self._idle.append(process)
                        yield items[number], future.result()
                    elif number in died:
                        reason = "its process died twice (out of memory, or a crash of the decoder)"
                        yield items[number], Failure(reason)
                    else:
                        log.warning("a worker process died; its work is tried once more")
                        died.add(number)
                        waiting.append(number)
        finally:
            for process, _ in running.values():
                process.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        for process in self._idle:
            process.shutdown()
        self._idle.clear()

    def _submit(self, function: Callable[[Item], Result], item: Item) -> tuple[ProcessPoolExecutor, Future[Result]]:
        while self._idle:
            process = self._idle.pop()
            try:
                return process, process.submit(function, item)
            except BrokenProcessPool:
                continue  # it died while idle
        # Spawned, not forked: the caller may have started torch's or OpenCV's threads.
        with starting():
            process = ProcessPoolExecutor(1, spawn_context(), initializer=_start_worker)
            return process, process.submit(function, item)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    start_worker()
