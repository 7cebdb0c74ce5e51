"""Writes encoded clips into the files of a store: plans the content of each, keeps existing ones, writes the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from sla_cli.core.clip import SPLITS
from sla_cli.errors import FormatError, SlaError
from sla_cli.log import log, progress
from sla_cli.prep.cache import EncodedClip, EncodingCache, read_cached
from sla_cli.prep.encode import EncodedFrames
from sla_cli.prep.plan import PlannedClip
from sla_cli.prep.process_pool import Executor, WorkerDied
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import split_files, split_path
from sla_cli.store.write import write_split


@dataclass(frozen=True)
class PlannedFile:
    """The planned content of a file of the store, a split or a shard of one, and the cache with its clips."""

    path: Path
    header: SplitHeader
    clips: tuple[tuple[PlannedClip, EncodedClip], ...]
    cache: EncodingCache


def stored_clips(store: Path, recipe: str) -> dict[str, EncodedClip]:
    """By origin the clips in files of a store, complete or not, whose frames were made with this recipe."""
    found: dict[str, EncodedClip] = {}
    for path in (path for split in SPLITS for path in split_files(store, split)):
        try:
            file = StoreFile(path)
            if file.header.recipe == recipe:
                found |= _rows(file)
        except FormatError as error:
            log.info("%s is made again: %s", path, error.message)
    return found


def _rows(file: StoreFile) -> dict[str, EncodedClip]:
    """The clips of one file by origin, each with the place of its frames."""
    found = {}
    for number, origin in enumerate(file.sources):
        path, place = file.place(number)
        found[origin] = EncodedClip(
            path,
            place,
            file.lengths[number],
            int(file.clip_bytes[number]),
            float(file.clip_fps[number]),
            float(file.squared_errors[number]),
            file.stamps[number],
            file.notes[number],
            lent=path != file.path,
            checksum=int(file.checksums[number]),
        )
    return found


def plan_files(
    out: Path,
    header: SplitHeader,
    planned: Sequence[PlannedClip],
    encoded: Mapping[str, EncodedClip],
    cache: EncodingCache,
) -> list[PlannedFile]:
    """Divide a split into files.

    The file of a clip depends on its position among all planned clips: missing clips can be added later without moving
    other clips.

    Args:
        encoded: by clip id, the clips that can be stored.
    """
    size = cache.config.shard_clips or max(1, len(planned))
    starts = range(0, len(planned), size)
    return [
        PlannedFile(
            split_path(out, header.split, shard, len(starts)),
            replace(header, shard=shard, shards=len(starts)),
            tuple((item, encoded[item.clip.id]) for item in planned[start : start + size] if item.clip.id in encoded),
            cache,
        )
        for shard, start in enumerate(starts)
    ]


def is_written(wanted: PlannedFile) -> bool:
    """Whether the file exists and contains exactly these clips, none of them encoded again."""
    try:
        file = StoreFile(wanted.path)
        own_places = file.places()
    except SlaError:  # it, or a file whose frames it uses, is missing or unreadable: it must be written
        return False
    places = [(encoded.path, encoded.number) for _, encoded in wanted.clips]
    sources = [wanted.cache.origin(item.clip.source) for item, _ in wanted.clips]
    facts = [(encoded.stamp, encoded.note) for _, encoded in wanted.clips]
    clips = [(item.clip, item.glosses) for item, _ in wanted.clips]
    rows = [(clip.id, clip.signer, glosses, clip.glosses, clip.translation) for clip, glosses in clips]
    there = zip(file.ids, file.signers, file.glosses, file.raw_glosses, file.translations, strict=True)
    same = facts == list(zip(file.stamps, file.notes, strict=True)) and rows == list(there)
    return file.header == wanted.header and same and sources == file.sources and own_places == places


def write_files(files: Sequence[PlannedFile], engine: Executor) -> None:
    """Write files in parallel. Raises SlaError: the disk is full, or a clip's encoded frames are damaged."""
    files = [_with_moved_clips_cached(file) for file in files]
    with progress("writing", len(files), "files") as advance, closing(engine.run(_write, files)) as answers:
        for file, answer in answers:
            if isinstance(answer, WorkerDied):
                raise SlaError(f"{file.path} cannot be written: {answer.reason}", "Run the same command again.")
            advance()


def _with_moved_clips_cached(file: PlannedFile) -> PlannedFile:
    """Clips in another file of the store are copied to the cache, since that file may be replaced first."""
    clips = []
    for item, encoded in file.clips:
        if encoded.number is not None and encoded.path != file.path and not encoded.lent:
            pictures = _read(encoded, file.cache.origin(item.clip.source), StoreFile)
            frames = EncodedFrames(*pictures, encoded.fps, encoded.squared_error, encoded.note)
            encoded = file.cache.put(replace(item.clip.source, stamp=encoded.stamp), frames)
        clips.append((item, encoded))
    return replace(file, clips=tuple(clips))


def _write(file: PlannedFile) -> None:
    own = sum(encoded.size for _, encoded in file.clips if not encoded.lent)
    write_split(file.path, file.header, _clips(file), own)


def _clips(file: PlannedFile) -> Iterator[Encoded]:
    open_file = cache(StoreFile)
    for item, encoded in file.clips:
        clip, source = item.clip, file.cache.origin(item.clip.source)
        place = None
        if encoded.lent and encoded.number is not None:
            data, sizes, place = (
                np.empty(0, np.uint8),
                np.zeros(encoded.frames, np.int64),
                (encoded.path, encoded.number),
            )
        else:
            data, sizes = _read(encoded, source, open_file)
        facts = clip.glosses, clip.translation, encoded.fps, encoded.squared_error, source, encoded.stamp, encoded.note
        yield Encoded(clip.id, clip.signer, item.glosses, data, sizes, *facts, place, encoded.checksum)


def _read(encoded: EncodedClip, source: str, open_file: Callable[[Path], StoreFile]) -> tuple[np.ndarray, np.ndarray]:
    """Like `read_cached`, but from a file of the cache or of a store."""
    if encoded.number is None:
        return read_cached(encoded.path)
    clip = open_file(encoded.path).raw(encoded.number)
    if clip.source != source:
        raise FormatError(f"{encoded.path}: clip {encoded.number} has changed since prep began", "Run it again.")
    return clip.data, clip.sizes
