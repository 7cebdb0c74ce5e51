"""Does every frame decode, and are the bytes those that were written? Reads the whole store, in parallel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import progress
from sla_cli.prep.checks.finding import Finding
from sla_cli.prep.encoding.process_pool import Failure, ProcessPool
from sla_cli.store.clips import Split
from sla_cli.store.codec import decode
from sla_cli.store.file import AGAIN
from sla_cli.store.store import Store, open_split

TOGETHER = 16  # clips per task: few enough for a smooth progress bar, many enough for little overhead


def check_frames(store: Store, jobs: int) -> Iterator[Finding]:
    """Clips, also those in no split, whose bytes changed since they were written, or with a frame that does not decode.

    Args:
        jobs: processes; 0 uses all usable cores.

    Raises:
        SlaError: a process died over a clip, twice.
    """
    clips = store.clips
    tasks = [
        (store.name, clips.name, clips.digest, range(start, min(start + TOGETHER, len(clips))))
        for start in range(0, len(clips), TOGETHER)
    ]
    faults = list[tuple[int, str]]()
    with (
        progress("check frames", len(clips)) as advance,
        closing(ProcessPool(jobs)) as engine,
        closing(engine.run(_faults, tasks)) as answers,
    ):
        for (*_, numbers), found in answers:
            if isinstance(found, Failure):
                where = f"clips {clips.ids[numbers[0]]} to {clips.ids[numbers[-1]]}"
                raise SlaError(f"{where} cannot be checked: {found.reason}", "Try fewer processes, such as -j 1.")
            faults += found
            advance(len(numbers))
    if faults:
        faults.sort()
        message = f"{counted(len(faults), 'damaged clip')}: {some((fault for _, fault in faults), 1)}"
        hint = f"{AGAIN} Check the disk too."
        yield Finding("frames", "", message, hint, tuple(clips.ids[number] for number, _ in faults))


def _faults(task: tuple[str, str, str, range]) -> list[tuple[int, str]]:
    """Number of each damaged clip, and what is wrong with it."""
    *where, numbers = task
    clips = open_split(*where)
    return [(number, fault) for number in numbers if (fault := _fault(clips, number))]


def _fault(clips: Split, number: int) -> str:
    """What is wrong with a clip, "" if nothing is."""
    clip = clips[number]
    try:
        frames = clip.encoded()
    except FormatError as error:
        return error.message
    except OSError as error:  # from HDF5, for a file that was cut off
        return f"clip {clip.id} cannot be read ({error})"
    bad = [frame for frame, data in enumerate(frames) if decode(data, clips.codec, clips.size) is None]
    return f"clip {clip.id}: {counted(len(bad), 'frame')} that cannot be decoded, first {bad[0]}" if bad else ""
