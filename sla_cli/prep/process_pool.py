"""Where prep's work is done: an executor, by default processes on this machine; `dask_cluster` has the other.

An executor runs one function over many items and answers in the order in which they are done. A process that dies
costs only the item it works on, which is tried once more; the answer for an item that kills twice is `WorkerDied`.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

import cv2

from sla_cli.log import log
from sla_cli.workers import start_worker, usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class WorkerDied:
    """The answer for an item whose process died again and again."""

    reason: str


Answers: TypeAlias = Generator[tuple[Item, Result | WorkerDied], None, None]


class Executor(Protocol):
    """Raises what the function raises; work that is under way is then finished or given up, never half kept."""

    def run(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Answers[Item, Result]: ...

    def close(self) -> None: ...


class ProcessPool:
    """Processes on this machine; with one, the work is done in the caller's own.

    Each process is a pool of its own, so that it is known which item a process died over, and no other item is lost.
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
                        yield items[number], WorkerDied(reason)
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
                continue  # it died idle
        # Spawned, not forked: the caller may have started torch's or OpenCV's threads.
        process = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_start_worker)
        return process, process.submit(function, item)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    start_worker()
