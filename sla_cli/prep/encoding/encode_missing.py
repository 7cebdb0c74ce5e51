"""Encodes missing clips in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log, progress
from sla_cli.prep.encoding.cache import EncodingCache, Failure, FramesOnDisk
from sla_cli.prep.encoding.process_pool import Executor, WorkerDied


def encode_missing(
    clips: Sequence[Clip],
    ready: Mapping[str, FramesOnDisk],
    unreadable: Mapping[Path, SlaError],
    cache: EncodingCache,
    engine: Executor,
) -> tuple[dict[str, FramesOnDisk], dict[str, str], int]:
    """By id all clips that can be stored, the faults of the others, and how many were encoded now.

    A clip that could not be read because of a temporary error of the file system is tried once more at the end.

    Args:
        ready: by id, clips whose frames are in a store; clips in the cache are newer.
        unreadable: folders and archives that cannot be opened; they are not tried again for every clip.

    Raises:
        SlaError: the cache cannot be written, or a worker cannot access it.
    """
    cached = {clip.id: found for clip in clips if (found := cache.find(clip)) is not None}
    if cached:
        log.info("%d of %d clips were encoded before", len(cached), len(clips))
    there = {**ready, **cached}
    missing = [clip for clip in clips if clip.id not in there]
    lost = {clip.id: Failure(error.message) for clip in missing if (error := unreadable.get(clip.source.root))}
    encoded, failures = _encode([clip for clip in missing if clip.id not in lost], cache, engine)
    if once_more := [clip for clip in missing if clip.id in failures and failures[clip.id].again]:
        log.info("trying once more %s that could not be read", counted(len(once_more), "clip"))
        late, still = _encode(once_more, cache, engine)
        encoded |= late
        failures = {name: failure for name, failure in failures.items() if name not in late} | still
    failures |= lost
    failed = {
        clip.id: f"{clip.where}: {failures[clip.id].reason}" if clip.where else failures[clip.id].reason
        for clip in missing
        if clip.id in failures
    }
    for name, reason in failed.items():
        log.error("clip %s: %s", name, reason)
    stored = {**there, **encoded}
    return {clip.id: stored[clip.id] for clip in clips if clip.id in stored}, failed, len(encoded)


def _encode(
    clips: Sequence[Clip], cache: EncodingCache, engine: Executor
) -> tuple[dict[str, FramesOnDisk], dict[str, Failure]]:
    encoded, failures = dict[str, FramesOnDisk](), dict[str, Failure]()
    for clip, answer in _answers(clips, cache, engine):
        if isinstance(answer, FramesOnDisk):
            encoded[clip.id] = answer
        else:
            failures[clip.id] = answer
    return encoded, failures


def _answers(
    clips: Sequence[Clip], cache: EncodingCache, engine: Executor
) -> Iterator[tuple[Clip, FramesOnDisk | Failure]]:
    """The result of each clip, in order of completion."""
    broken = 0
    with progress("prep", len(clips)) as advance, closing(engine.run(cache.encode, clips)) as answers:
        for clip, answer in answers:
            result = Failure(answer.reason) if isinstance(answer, WorkerDied) else answer
            broken += isinstance(result, Failure)
            yield clip, result
            advance(note=f"{broken} broken" if broken else "")
