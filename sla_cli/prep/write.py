"""Writes encoded clips into the files of a store: plans the content of each, keeps existing ones, writes the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.errors import FormatError, SlaError
from sla_cli.log import log, progress
from sla_cli.prep.encoding.cache import EncodingCache, FramesOnDisk, read_cached
from sla_cli.prep.encoding.process_pool import Executor, WorkerDied
from sla_cli.store.content import EncodedClip, EncodedFrames, StoreHeader
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import clips_path, stored_files
from sla_cli.store.write import write_clips

Opened = Callable[[Path], StoreFile]


@dataclass(frozen=True)
class PlannedFile:
    """The planned content of a file of the store: clips, each with the place of its frames."""

    path: Path
    header: StoreHeader
    clips: tuple[tuple[Clip, FramesOnDisk], ...]


def stored_frames(store: Path, recipe: str) -> dict[str, FramesOnDisk]:
    """By origin the clips in files of a store, complete or not, whose frames were made with this recipe."""
    found: dict[str, FramesOnDisk] = {}
    for path in stored_files(store):
        try:
            file = StoreFile(path)
            if file.header.recipe == recipe:
                found |= {origin: _place(file, number) for number, origin in enumerate(file.sources)}
        except FormatError as error:
            log.info("%s is made again: %s", path, error.message)
    return found


def _place(file: StoreFile, number: int) -> FramesOnDisk:
    return FramesOnDisk(
        file.path,
        number,
        file.lengths[number],
        int(file.clip_bytes[number]),
        float(file.clip_fps[number]),
        float(file.squared_errors[number]),
        file.stamps[number],
        file.notes[number],
    )


def plan_files(
    out: Path, header: StoreHeader, clips: Sequence[Clip], encoded: Mapping[str, FramesOnDisk], shard_clips: int
) -> list[PlannedFile]:
    """Divide the clips into files.

    The file of a clip depends on its position among all planned clips: missing clips can be added later without moving
    other clips.

    Args:
        encoded: by clip id, the clips that can be stored.
        shard_clips: clips per file; 0 for one file.
    """
    size = shard_clips or max(1, len(clips))
    starts = range(0, len(clips), size)
    return [
        PlannedFile(
            clips_path(out, shard, len(starts)),
            replace(header, shard=shard, shards=len(starts)),
            tuple((clip, encoded[clip.id]) for clip in clips[start : start + size] if clip.id in encoded),
        )
        for shard, start in enumerate(starts)
    ]


def is_written(wanted: PlannedFile) -> bool:
    """Whether the file exists and contains exactly these clips, none of them encoded again."""
    try:
        file = StoreFile(wanted.path)
        columns = (file.ids, file.signers, file.glosses, file.raw_glosses, file.translations, file.sources)
        there = list(zip(*columns, file.stamps, file.notes, strict=True))
    except SlaError:  # it is missing or unreadable: it must be written
        return False
    rows = [
        (clip.id, clip.signer, clip.training, clip.glosses, clip.translation, clip.origin, frames.stamp, frames.note)
        for clip, frames in wanted.clips
    ]
    places = [(frames.path, frames.number) for _, frames in wanted.clips]
    own = [(file.path, number) for number in range(len(file.ids))]
    return file.header == wanted.header and rows == there and places == own


def write_files(files: Sequence[PlannedFile], cache: EncodingCache, engine: Executor) -> None:
    """Write files in parallel. Raises SlaError: the disk is full, or a clip's encoded frames are damaged."""
    files = [_with_moved_clips_cached(file, cache) for file in files]
    with progress("writing", len(files), "files") as advance, closing(engine.run(_write, files)) as answers:
        for file, answer in answers:
            if isinstance(answer, WorkerDied):
                raise SlaError(f"{file.path} cannot be written: {answer.reason}", "Run the same command again.")
            advance()


def _with_moved_clips_cached(file: PlannedFile, cache: EncodingCache) -> PlannedFile:
    """Clips in another file of the store are copied to the cache, since that file may be replaced first."""
    clips = []
    for clip, place in file.clips:
        if place.number is not None and place.path != file.path:
            stamped = replace(clip, source=replace(clip.source, stamp=place.stamp))
            place = cache.put(stamped, _read(clip, place, StoreFile))
        clips.append((clip, place))
    return replace(file, clips=tuple(clips))


def _write(file: PlannedFile) -> None:
    write_clips(file.path, file.header, _clips(file), sum(place.size for _, place in file.clips))


def _clips(file: PlannedFile) -> Iterator[EncodedClip]:
    opened = cache(StoreFile)
    for clip, place in file.clips:
        facts = clip.glosses, clip.translation, clip.origin, place.stamp
        yield EncodedClip(clip.id, clip.signer, clip.training, _read(clip, place, opened), *facts)


def _read(clip: Clip, place: FramesOnDisk, opened: Opened) -> EncodedFrames:
    """The encoded frames of a clip, from a file of the cache or of a store."""
    if place.number is None:
        return EncodedFrames(*read_cached(place.path), place.fps, place.squared_error, place.note)
    stored = opened(place.path).raw(place.number)
    if stored.source != clip.origin:
        raise FormatError(f"{place.path}: clip {place.number} has changed since prep began", "Run it again.")
    return stored.frames
