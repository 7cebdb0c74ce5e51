"""Applies a function to the clips of a split, in one process or several."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from ctypes import c_bool
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.sharedctypes import RawValue
from typing import Any, Protocol, TypeVar

from sla_cli.errors import SlaError, naming
from sla_cli.log import log
from sla_cli.system.workers import start_worker, starting, usable_cores
from sla_cli.work.emissions import Emission

CHUNK = 16  # maximum number of clips that a process takes at once; progress is then shown often

Answer = TypeVar("Answer")


class EmissionSource(Protocol):
    """Emissions of clips by index: an emissions file, or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Emission: ...


def map_clips(
    function: Callable[[Emission], Answer],
    emissions: EmissionSource,
    jobs: int,
    progress: Callable[[int], None] | None = None,
    *,
    least: int = CHUNK,
) -> Generator[Answer, None, None]:
    """The result for each clip, in order; it does not depend on `jobs`. Errors name the clip.

    Forked processes inherit the loaded decoder and read the clips themselves: a split's log-probabilities are too large
    to be sent to them (110 MB for 629 clips of 1,100 glosses).

    Args:
        emissions: clips with log-probabilities float (T, V + 1), by index; each process reads its own, one at a time.
        jobs: maximum number of processes; 0 is all usable cores.
        progress: called with 1 after each clip.
        least: smallest number of clips for which another process is started.

    Raises:
        SlaError: a negative number of jobs, or a process died; or as `function` does.
    """
    if jobs < 0:
        raise SlaError(f"{jobs} is not a number of processes", "Give a number of processes, or 0 for all usable cores.")
    wanted, jobs = jobs, min(jobs or usable_cores(), len(emissions) // least)
    if jobs > 1 and "fork" not in get_all_start_methods():  # Windows
        if wanted:
            log.warning("this system cannot fork processes: one is used instead of %d", wanted)
        jobs = 1

    def answer(index: int) -> Answer:
        emission = emissions[index]
        with naming(f"clip {emission.id}"):
            return function(emission)

    indices = range(len(emissions))
    with closing(_in_processes(answer, len(indices), jobs) if jobs > 1 else (answer(i) for i in indices)) as answers:
        for one in answers:
            yield one
            if progress is not None:
                progress(1)


def _in_processes(answer: Callable[[int], Answer], clips: int, jobs: int) -> Generator[Answer, None, None]:
    given_up = RawValue(c_bool, False)  # without a lock, which a killed process might never release

    def answer_chunk(indices: range) -> list[Answer]:
        return [answer(index) for index in indices if not given_up.value]

    with ProcessPoolExecutor(jobs, get_context("fork"), _start_worker, (answer_chunk,)) as pool:
        try:
            with starting():
                found = pool.map(_work, _chunks(clips, jobs))
            for answers in found:
                yield from answers
        except BrokenProcessPool as error:
            raise SlaError(
                "a decoding process was killed, perhaps because memory ran out", "Decode with fewer jobs (-j)."
            ) from error
        finally:
            given_up.value = True  # a caller that stops, as on Ctrl-C, waits for one clip and not for whole chunks


def _chunks(clips: int, jobs: int) -> Iterator[range]:
    """Runs of indices that become shorter, so that all processes end at about the same time."""
    start = 0
    while start < clips:
        size = min(CHUNK, 1 + (clips - start) // (4 * jobs))
        yield range(start, min(start + size, clips))
        start += size


_worker_function: list[Callable[[range], list[Any]]] = []  # filled only in pool processes, which have no other state


def _start_worker(answer_chunk: Callable[[range], list[Any]]) -> None:
    _worker_function.append(answer_chunk)
    gc.freeze()  # garbage collection does not visit inherited objects, so their memory is not copied
    start_worker()


def _work(indices: range) -> list[Any]:
    return _worker_function[0](indices)
