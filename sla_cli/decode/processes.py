"""A function over the clips of a split, in one process or several."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_bool
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawValue
from typing import Any, Protocol, TypeVar

from sla_cli.errors import SlaError
from sla_cli.formats.emissions import Emission
from sla_cli.workers import start_worker

CHUNK = 16  # clips that a process takes at once, at most: how seldom progress is said

Answer = TypeVar("Answer")


class Clips(Protocol):
    """Clips by index: an emissions file, or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Emission: ...


def map_clips(decode_clip: Callable[[Emission], Answer], emissions: Clips, jobs: int) -> Iterator[Answer]:
    """The answer to each clip, in order, which does not depend on `jobs`.

    Forked processes inherit the loaded decoder and read the clips themselves: a split's log-probabilities are too large
    to be sent (110 MB for 629 clips of 1,100 glosses).

    Raises:
        SlaError: a process died.
    """
    if jobs == 1:
        yield from (decode_clip(emissions[index]) for index in range(len(emissions)))
        return
    context = get_context("fork")
    given_up = RawValue(c_bool, False)  # without a lock, which a process that is killed might hold for ever
    with ProcessPoolExecutor(jobs, context, _start_worker, (decode_clip, emissions, given_up)) as pool:
        try:
            for answers in pool.map(_decode_chunk, _chunks(len(emissions), jobs)):
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


_worker_decode_clip: Callable[[Emission], Any]  # set in pool processes only, which keep state in no other way
_worker_emissions: Clips
_worker_given_up: c_bool


def _start_worker(decode_clip: Callable[[Emission], Any], emissions: Clips, given_up: c_bool) -> None:
    global _worker_decode_clip, _worker_emissions, _worker_given_up
    _worker_decode_clip, _worker_emissions, _worker_given_up = decode_clip, emissions, given_up
    gc.freeze()  # what is inherited is not looked through, and so not copied
    start_worker()


def _decode_chunk(indices: range) -> list[Any]:
    return [_worker_decode_clip(_worker_emissions[index]) for index in indices if not _worker_given_up.value]
