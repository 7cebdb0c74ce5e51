"""Writes encoded clips into the files of a store: plans the content of each, keeps existing ones, writes the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from sla_cli.core.clip import Clip, Times
from sla_cli.errors import FormatError, SlaError
from sla_cli.log import progress
from sla_cli.prep.encoding.cache import FramesOnDisk, read_cached
from sla_cli.prep.encoding.process_pool import Executor, Failure
from sla_cli.prep.other_files import remove_other_files
from sla_cli.store.content import EncodedClip, EncodedFrames, StoreHeader, times_of, times_text
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import clips_path
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import UNFINISHED


@dataclass(frozen=True)
class PlannedFile:
    """The planned content of a file of the store: clips, each with the place of its frames."""

    path: Path
    header: StoreHeader
    clips: tuple[tuple[Clip, FramesOnDisk], ...]

    @property
    def place(self) -> Path:
        """Where it is: a link stays a link, since what it leads to would keep the frames of who leaves."""
        return Path(os.path.realpath(self.path))

    @property
    def new(self) -> Path:
        """Its path until all files are written."""
        return self.place.with_name(f".{self.place.name}{UNFINISHED}")


def write_files(
    out: Path,
    header: StoreHeader,
    clips: Sequence[tuple[Clip, FramesOnDisk | None]],
    shard_clips: int,
    engine: Executor,
) -> list[str]:
    """Write the files of a store that are missing or outdated, in parallel; returns the names of all.

    The files get their names when all are written, since they may take clips from files that they replace.

    Args:
        clips: all planned clips, each with the place of its frames; None if it cannot be stored.
        shard_clips: clips per file; 0 for one file.

    Raises:
        SlaError: the disk is full, or a clip's encoded frames are damaged.
    """
    files = list(_divided(out, header, clips, shard_clips))
    outdated = [file for file in files if not _is_written(file)]
    with progress("writing", len(outdated), "files") as advance, closing(engine.run(_write, outdated)) as answers:
        for file, answer in answers:
            if isinstance(answer, Failure):
                raise SlaError(f"{file.path} cannot be written: {answer.reason}", "Run the same command again.")
            advance()
    for file in outdated:
        file.new.replace(file.place)
    names = [file.path.name for file in files]
    remove_other_files(out, names)
    return names


def _divided(
    out: Path, header: StoreHeader, clips: Sequence[tuple[Clip, FramesOnDisk | None]], shard_clips: int
) -> Iterator[PlannedFile]:
    """The content of each file.

    The file of a clip depends on its position among all planned clips: missing clips can be added later without moving
    other clips.
    """
    size = shard_clips or max(1, len(clips))
    starts = range(0, len(clips), size)
    for shard, start in enumerate(starts):
        of_file = tuple((clip, frames) for clip, frames in clips[start : start + size] if frames is not None)
        yield PlannedFile(
            clips_path(out, shard, len(starts)), replace(header, shard=shard, shards=len(starts)), of_file
        )


def _is_written(wanted: PlannedFile) -> bool:
    """Whether the file exists and contains exactly these clips, none of them encoded again."""
    try:
        file = StoreFile(wanted.path)
        columns = (file.ids, file.signers, file.glosses, file.raw_glosses, file.translations, file.sources)
        there = list(zip(*columns, file.times, file.stamps, file.notes, strict=True))
    except SlaError:  # it is missing or unreadable: it must be written
        return False
    rows = [(*_facts(clip), _times(clip), frames.stamp, frames.note) for clip, frames in wanted.clips]
    places = [(frames.path, frames.number) for _, frames in wanted.clips]
    own = [(file.path, number) for number in range(len(file.ids))]
    return file.header == wanted.header and rows == there and places == own


def _facts(clip: Clip) -> tuple[object, ...]:
    return clip.id, clip.signer, clip.training, clip.glosses, clip.translation, clip.origin


def _times(clip: Clip) -> Times:
    """As a store keeps them."""
    return times_of(times_text(clip.times))


def _write(file: PlannedFile) -> None:
    write_clips(file.new, file.header, _encoded(file), sum(frames.size for _, frames in file.clips))


def _encoded(file: PlannedFile) -> Iterator[EncodedClip]:
    """The clips of a file, their frames read from the cache or from an earlier file of the store."""
    opened = cache(StoreFile)
    for clip, place in file.clips:
        if place.number is None:
            frames = EncodedFrames(*read_cached(place.path), place.fps, place.squared_error, place.note)
        else:
            stored = opened(place.path).raw(place.number)
            if stored.source != clip.origin:
                raise FormatError(f"{place.path}: clip {clip.id} has changed since prep began", "Run it again.")
            frames = stored.frames
        facts = clip.glosses, clip.translation, clip.origin, place.stamp, _times(clip)
        yield EncodedClip(clip.id, clip.signer, clip.training, frames, *facts)
