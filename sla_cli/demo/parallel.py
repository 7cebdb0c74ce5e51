"""Draws with several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from sla_cli.system.workers import start_worker

Task = TypeVar("Task")
Result = TypeVar("Result")


def draw_all(draw: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Iterator[Result]:
    """The result of `draw` for each task, in order; `jobs` processes share the work."""
    if min(jobs, len(tasks)) <= 1:
        yield from map(draw, tasks)
        return
    # Spawned, not forked: the caller may have started torch's or OpenCV's threads.
    with ProcessPoolExecutor(min(jobs, len(tasks)), mp_context=get_context("spawn"), initializer=start_worker) as pool:
        yield from pool.map(draw, tasks, chunksize=2)
