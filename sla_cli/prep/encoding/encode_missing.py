"""Encodes missing clips in parallel."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log, progress
from sla_cli.prep.encoding.cache import EncodingCache, FramesOnDisk
from sla_cli.prep.encoding.process_pool import Executor, Failure

SAMPLE = 4  # clips from which the size of all is estimated
ATTEMPTS = 2  # for a clip that could not be read because of a temporary error of the file system


def encode_missing(
    clips: Sequence[Clip],
    ready: Mapping[str, FramesOnDisk],
    unreadable: Mapping[Path, SlaError],
    cache: EncodingCache,
    engine: Executor,
) -> tuple[dict[str, FramesOnDisk], dict[str, str], int]:
    """By id all clips that can be stored, the faults of the others, and how many were encoded now.

    Args:
        ready: by id, clips whose frames are in a store; clips in the cache are newer.
        unreadable: folders and archives that cannot be opened; they are not tried again for every clip.

    Raises:
        SlaError: the cache cannot be written, or a worker cannot access it.
    """
    cached = {clip.id: found for clip in clips if (found := cache.find(clip)) is not None}
    if cached:
        log.info("%d of %s encoded before", len(cached), counted(len(clips), "clip was", "clips were"))
    there = {**ready, **cached}
    if gone := [clip.id for clip in clips if clip.id in there and not clip.source.stamp]:
        message = "the frames of %s are kept whose recordings are not found: %s; take out of the corpus what must go"
        log.warning(message, counted(len(gone), "clip"), some(gone))
    missing = [clip for clip in clips if clip.id not in there]
    failures = {clip.id: Failure(error.message) for clip in missing if (error := unreadable.get(clip.source.root))}
    encoded, waiting = dict[str, FramesOnDisk](), [clip for clip in missing if clip.id not in failures]
    for _ in range(ATTEMPTS):
        failures |= _encode(waiting, cache, engine, encoded)
        waiting = [clip for clip in waiting if clip.id in failures and failures[clip.id].again]
        if not waiting:
            break
        log.info("trying once more the clips that could not be read: %d", len(waiting))
    failed = {
        clip.id: f"{clip.where}: {failures[clip.id].reason}" if clip.where else failures[clip.id].reason
        for clip in missing
        if clip.id not in encoded
    }
    for name, reason in failed.items():
        log.error("clip %s: %s", name, reason)
    stored = {**there, **encoded}
    return {clip.id: stored[clip.id] for clip in clips if clip.id in stored}, failed, len(encoded)


def _encode(
    clips: Sequence[Clip], cache: EncodingCache, engine: Executor, encoded: dict[str, FramesOnDisk]
) -> dict[str, Failure]:
    """Encode clips; those that succeed are added to `encoded`, the faults of the others are returned."""
    failures: dict[str, Failure] = {}
    with progress("prep", len(clips)) as advance, closing(engine.run(cache.encode, clips)) as answers:
        for clip, answer in answers:
            if isinstance(answer, FramesOnDisk):
                encoded[clip.id] = answer
                if len(encoded) == min(SAMPLE, len(clips)):
                    _warn_of_space(cache.folder, [one.size for one in encoded.values()], len(clips))
            else:
                failures[clip.id] = answer
            advance(note=f"{len(failures)} broken" if failures else "")
    return failures


def _warn_of_space(folder: Path, sizes: Sequence[int], clips: int) -> None:
    """Warn early if the disk has no place for the rest of the clips and for the store, which is written from all."""
    mean, free = sum(sizes) / len(sizes), shutil.disk_usage(folder).free
    needed = mean * (clips - len(sizes)) + mean * clips
    if needed > free:
        disk = f"{needed / 1e9:,.1f} GB more on the disk of {folder.parent}, which has {free / 1e9:,.1f} GB free"
        log.warning(
            "%s will need about %s; --size, --codec and --fps make frames smaller", counted(clips, "clip"), disk
        )
