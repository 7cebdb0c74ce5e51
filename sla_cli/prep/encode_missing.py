"""Encode the clips that are not there yet, in parallel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log, progress
from sla_cli.prep.cache import EncodedClip, EncodingCache, Failure
from sla_cli.prep.process_pool import Executor, WorkerDied


def encode_missing(
    clips: Sequence[Clip],
    ready: Mapping[str, EncodedClip],
    unreadable: Mapping[Path, SlaError],
    cache: EncodingCache,
    engine: Executor,
) -> tuple[dict[str, EncodedClip], dict[str, str], int]:
    """All clips that can be stored by id, what is wrong with the others, and how many were encoded now.

    A clip that a passing error of the file system kept from being read is tried once more at the end.

    Args:
        ready: by id, clips whose frames lie in a store; what is in the cache is newer.
        unreadable: folders and archives that cannot be opened, which nobody tries again for every clip.

    Raises:
        SlaError: the cache cannot be written, or is not seen by a worker.
    """
    cached = {clip.id: found for clip in clips if (found := cache.find(clip.source)) is not None}
    if cached:
        log.info("%d of %d clips were encoded before", len(cached), len(clips))
    there = {**ready, **cached}
    missing = [clip for clip in clips if clip.id not in there]
    lost = {clip.id: Failure(error.message) for clip in missing if (error := unreadable.get(clip.source.root))}
    encoded, failures = _encode([clip for clip in missing if clip.id not in lost], cache, engine)
    if once_more := [clip for clip in missing if clip.id in failures and failures[clip.id].again]:
        log.info("trying %s once more that could not be read", counted(len(once_more), "clip"))
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
) -> tuple[dict[str, EncodedClip], dict[str, Failure]]:
    encoded, failures = dict[str, EncodedClip](), dict[str, Failure]()
    for clip, answer in _answers(clips, cache, engine):
        if isinstance(answer, EncodedClip):
            encoded[clip.id] = answer
        else:
            failures[clip.id] = answer
    return encoded, failures


def _answers(
    clips: Sequence[Clip], cache: EncodingCache, engine: Executor
) -> Iterator[tuple[Clip, EncodedClip | Failure]]:
    """What becomes of each clip, in the order in which they are done."""
    broken = 0
    with progress("prep", len(clips)) as advance, closing(engine.run(cache.encode, clips)) as answers:
        for clip, answer in answers:
            result = Failure(answer.reason) if isinstance(answer, WorkerDied) else answer
            broken += isinstance(result, Failure)
            yield clip, result
            advance(note=f"{broken} broken" if broken else "")
