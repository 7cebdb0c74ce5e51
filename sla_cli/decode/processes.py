"""A function over the clips of a split, in one process or several."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from ctypes import c_bool
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawValue
from typing import Any, Protocol, TypeVar

from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission
from sla_cli.workers import start_worker, usable_cores

CHUNK = 16  # clips that a process takes at once, at most, so that progress is shown often

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
    """The answer to each clip, in order, which does not depend on `jobs`; errors name the clip.

    Forked processes inherit the loaded decoder and read the clips themselves: a split's log-probabilities are too large
    to be sent (110 MB for 629 clips of 1,100 glosses).

    Args:
        jobs: processes at most; 0 is all usable cores.
        progress: called with 1 after each clip.
        least: clips that are worth a process of their own.

    Raises:
        SlaError: a negative number of jobs, or a process died; or as `function` does.
    """
    if jobs < 0:
        raise SlaError(f"{jobs} jobs", "Give a number of processes, or 0 for all usable cores.")
    jobs = min(jobs or usable_cores(), len(emissions) // least)
    with closing(_in_processes(function, emissions, jobs) if jobs > 1 else _in_turn(function, emissions)) as answers:
        for answer in answers:
            yield answer
            if progress is not None:
                progress(1)


def _in_turn(function: Callable[[Emission], Answer], emissions: EmissionSource) -> Generator[Answer, None, None]:
    for index in range(len(emissions)):
        yield _answer(function, emissions[index])


def _answer(function: Callable[[Emission], Answer], emission: Emission) -> Answer:
    try:
        return function(emission)
    except SlaError as error:
        raise SlaError(f"clip {emission.id}: {error.message}", error.hint) from error


def _in_processes(
    function: Callable[[Emission], Answer], emissions: EmissionSource, jobs: int
) -> Generator[Answer, None, None]:
    context = get_context("fork")
    given_up = RawValue(c_bool, False)  # without a lock, which a process that is killed might hold for ever
    with ProcessPoolExecutor(jobs, context, _start_worker, (function, emissions, given_up)) as pool:
        try:
            for answers in pool.map(_answer_chunk, _chunks(len(emissions), jobs)):
                yield from answers
        except BrokenProcessPool as error:
            raise SlaError(
                "a decoding process was killed, perhaps for lack of memory", "Decode with fewer jobs (-j)."
            ) from error
        finally:
            given_up.value = True  # who stops listening, as on Ctrl-C, waits for a clip and not for whole chunks


def _chunks(clips: int, jobs: int) -> Iterator[range]:
    """Runs of indices, ever shorter to the end, so that all processes end together."""
    start = 0
    while start < clips:
        size = min(CHUNK, 1 + (clips - start) // (4 * jobs))
        yield range(start, min(start + size, clips))
        start += size


_worker_function: Callable[[Emission], Any]  # set in pool processes only, which keep state in no other way
_worker_emissions: EmissionSource
_worker_given_up: c_bool


def _start_worker(function: Callable[[Emission], Any], emissions: EmissionSource, given_up: c_bool) -> None:
    global _worker_function, _worker_emissions, _worker_given_up
    _worker_function, _worker_emissions, _worker_given_up = function, emissions, given_up
    gc.freeze()  # what is inherited is not looked through, and so not copied
    start_worker()


def _answer_chunk(indices: range) -> list[Any]:
    return [_answer(_worker_function, _worker_emissions[index]) for index in indices if not _worker_given_up.value]
