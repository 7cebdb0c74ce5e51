"""From encoded clips to the files of a store: what each is to hold, what is there already, and writing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sla_cli.core.clip import Source
from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.store import SPLITS, split_files, split_path
from sla_cli.formats.store_file import Encoded, SplitHeader, StoreFile, write_split
from sla_cli.log import log, progress
from sla_cli.prep.executor import Executor, WorkerDied
from sla_cli.prep.plan import Planned
from sla_cli.prep.spool import Made, read_spooled, spooled, write_spooled


@dataclass(frozen=True)
class Place:
    """Where a clip's encoded frames lie: a file of the spool, or the clip of a number in a file of a store."""

    path: Path
    number: int = -1


@dataclass(frozen=True)
class Packed:
    """A clip on its way into a file."""

    planned: Planned
    made: Made
    place: Place
    source: str


@dataclass(frozen=True)
class Part:
    """A file of the store to be written: a split, or a shard of one."""

    path: Path
    header: SplitHeader
    clips: tuple[Packed, ...]


def origin(source: Source, base: Path) -> str:
    """Where a clip's frames come from within its corpus: `PATH`, or `PATH START-END` in seconds."""
    root = source.root
    inside = root.relative_to(base).as_posix() if root.is_relative_to(base) else str(root)
    path = source.path if inside == "." else f"{inside}/{source.path}"
    if source.start is None and source.end is None:
        return path
    start, end = ("" if time is None else repr(float(time)) for time in (source.start, source.end))
    return f"{path} {start}-{end}"


def finished_clips(out: Path, recipe: str) -> dict[str, tuple[Place, Made]]:
    """The clips in files of a store, complete or not, whose frames were made by this recipe, by their source."""
    found: dict[str, tuple[Place, Made]] = {}
    for path in (path for split in SPLITS for path in split_files(out, split)):
        try:
            file = StoreFile(path)
        except FormatError as error:
            log.info("%s is made again: %s", path, error.message)
            continue
        if file.header.recipe != recipe:
            continue
        sizes = np.diff(file.frame_offsets[file.clip_offsets])
        for number, size in enumerate(sizes):
            fps, squared_error = float(file.clip_fps[number]), float(file.squared_errors[number])
            made = Made(file.lengths[number], int(size), fps, squared_error)
            found[file.sources[number]] = (Place(path, number), made)
    return found


def parts_of(
    out: Path, header: SplitHeader, planned: Sequence[Planned], packed: Mapping[str, Packed], shard_clips: int
) -> list[Part]:
    """A split cut into files.

    A clip's file follows from its place among all planned ones: those that are missing now can join later, and no
    other clip moves.

    Args:
        packed: id to clip, of those that can be stored.
    """
    size = shard_clips or max(1, len(planned))
    starts = range(0, len(planned), size)
    return [
        Part(
            split_path(out, header.split, shard, len(starts)),
            replace(header, shard=shard, shards=len(starts)),
            tuple(packed[item.clip.id] for item in planned[start : start + size] if item.clip.id in packed),
        )
        for shard, start in enumerate(starts)
    ]


def is_written(part: Part) -> bool:
    """Whether the file is there and holds just these clips, none of them made anew."""
    try:
        file = StoreFile(part.path)
    except SlaError:  # not there, or not readable: to be written in any case
        return False
    places = [packed.place for packed in part.clips]
    rows = [_row(packed) for packed in part.clips]
    there = zip(file.ids, file.signers, file.glosses, file.raw_glosses, file.translations, strict=True)
    same_places = places == [Place(part.path, number) for number in range(len(file.ids))]
    return file.header == part.header and same_places and rows == list(there)


def _row(packed: Packed) -> tuple[str, str, tuple[str, ...], tuple[str, ...], str]:
    clip = packed.planned.clip
    return clip.id, clip.signer, packed.planned.glosses, clip.glosses, clip.translation


def through_spool(part: Part, spool: Path) -> Part:
    """The part, its clips that lie in another file of the store copied to the spool, since that file may go first."""
    return replace(part, clips=tuple(_through_spool(packed, part.path, spool) for packed in part.clips))


def _through_spool(packed: Packed, target: Path, spool: Path) -> Packed:
    if packed.place.number < 0 or packed.place.path == target:
        return packed
    path = spooled(spool, packed.planned.clip.source)
    data, sizes = _read(packed, {})
    write_spooled(path, data, sizes, packed.made)
    return replace(packed, place=Place(path))


def write_parts(parts: Sequence[Part], engine: Executor) -> None:
    """Write files in parallel. Raises SlaError: the disk is full, or a clip's encoded frames are damaged."""
    with progress("writing", len(parts), "files") as advance, closing(engine.run(_write, parts)) as answers:
        for part, answer in answers:
            if isinstance(answer, WorkerDied):
                raise SlaError(f"{part.path} cannot be written: {answer.reason}", "Run the same command again.")
            advance()


def _write(part: Part) -> None:
    write_split(part.path, part.header, _encoded(part), sum(packed.made.size for packed in part.clips))


def _encoded(part: Part) -> Iterator[Encoded]:
    files: dict[Path, StoreFile] = {}
    for packed in part.clips:
        data, sizes = _read(packed, files)
        yield Encoded(
            packed.planned.clip.id,
            packed.planned.clip.signer,
            packed.planned.glosses,
            data,
            sizes,
            packed.planned.clip.glosses,
            packed.planned.clip.translation,
            packed.made.fps,
            packed.made.squared_error,
            packed.source,
        )


def _read(packed: Packed, files: dict[Path, StoreFile]) -> tuple[np.ndarray, np.ndarray]:
    place = packed.place
    if place.number < 0:
        return read_spooled(place.path)
    if place.path not in files:
        files[place.path] = StoreFile(place.path)
    clip = files[place.path].raw(place.number)
    if clip.source != packed.source:
        raise FormatError(f"{place.path}: clip {place.number} is not what it was when prep began", "Run it again.")
    return clip.data, clip.sizes
