"""Encode the clips that are not there yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError
from sla_cli.prep.cache import EncodedClip, EncodingCache, encode_all
from sla_cli.prep.process_pool import Executor


def encode_missing(
    clips: Sequence[Clip],
    ready: Mapping[str, EncodedClip],
    unreadable: Mapping[Path, SlaError],
    cache: EncodingCache,
    engine: Executor,
) -> tuple[dict[str, EncodedClip], dict[str, str], int]:
    """All clips that can be stored by id, what is wrong with the others, and how many were encoded now.

    Args:
        ready: by id, clips whose frames lie in a store.
        unreadable: folders and archives that cannot be opened, which nobody tries again for every clip.
    """
    # What is in the cache is newer than what a finished file has.
    wanted = [clip for clip in clips if clip.id not in ready or cache.path(clip.source).is_file()]
    lost = [clip for clip in wanted if clip.source.root in unreadable and not cache.path(clip.source).is_file()]
    failed = {clip.id: f"{clip.where}: {unreadable[clip.source.root].message}" for clip in lost}
    wanted = [clip for clip in wanted if clip.id not in failed]
    before = sum(cache.path(clip.source).is_file() for clip in wanted)
    encoded, broken = encode_all(wanted, cache, engine)
    failed |= broken
    reused = {clip.id: ready[clip.id] for clip in clips if clip.id in ready and clip.id not in failed}
    return {**reused, **encoded}, failed, max(0, len(encoded) - before)
