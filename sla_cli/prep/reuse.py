"""What a store's folder has of the planned clips: all of them, or those whose frames can be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sla_cli.artifact.receipt import Receipt, already_made, read_receipt
from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log, progress
from sla_cli.prep.begun import cache_folder
from sla_cli.prep.encoding.cache import FramesOnDisk
from sla_cli.prep.plan import Plan
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import lost_divisions, stored_files


@dataclass(frozen=True)
class Existing:
    """What a folder has.

    Attributes:
        made: the receipt of a store that has everything, None if it must be made.
        ready: by id, the clips whose frames are used.
    """

    made: Receipt | None
    ready: Mapping[str, FramesOnDisk]


def find_existing(out: Path, plan: Plan, *, force: bool) -> Existing:
    """Compare a folder with the plan.

    Raises:
        SlaError: the store has other settings or tables, or its recordings have changed, and `force` is off.
    """
    old = already_made(out, plan.receipt, force=force)
    if old is None and not force and not cache_folder(out, plan.header.recipe).is_dir():
        _refuse_other_frames(out, plan.header.recipe)
    stored = _stored_frames(out, plan.header.recipe)
    changed = [clip.id for clip in plan.clips if clip.origin in stored and not _serves(stored, clip)]
    if old is not None:
        missing = [clip.id for clip in plan.clips if clip.origin not in stored]
        files = all((out / name).is_file() for name in old.results.get("files", []))
        whole = files and not lost_divisions(out, old.results)
        if whole and not (old.results.get("failed") or changed or missing):
            return Existing(old, {})
        # A file that is lost or damaged is made again: its clips cannot be looked up.
        _refuse_changes(out, old, changed, [] if len(stored) < old.results.get("clips", 0) else missing)
    there = read_receipt(out)
    # A recording that cannot be examined counts as unchanged only if the corpus is where it was: another corpus may
    # have another recording of that name.
    same_place = there is None or there.sources.get("source") == str(plan.root)
    usable = [clip for clip in plan.clips if clip.origin in stored and (clip.source.stamp or same_place)]
    ready = _whole({clip.id: stored[clip.origin] for clip in usable if _serves(stored, clip)})
    return Existing(None, ready)


def _serves(stored: Mapping[str, FramesOnDisk], clip: Clip) -> bool:
    return stored[clip.origin].serves(clip.source)


def _whole(ready: Mapping[str, FramesOnDisk]) -> dict[str, FramesOnDisk]:
    """The clips whose frames are as they were written; while the files are written, it is too late to encode others."""
    found, opened = dict[str, FramesOnDisk](), cache(StoreFile)
    with progress("verifying", len(ready)) as advance:
        for clip, place in ready.items():
            try:
                opened(place.path).verify(place.number or 0)
                found[clip] = place
            except (FormatError, OSError):  # the second from HDF5, for a file that was cut off
                log.warning("clip %s is damaged in %s: it is encoded again from its recording", clip, place.path)
            advance()
    return found


def _refuse_other_frames(out: Path, recipe: str) -> None:
    """Raise SlaError for a store of other settings that has lost its receipt. One that a killed `sla prep --force` was
    replacing has the cache of the new settings."""
    for path in stored_files(out):
        with suppress(FormatError):  # a damaged file is made again
            if StoreFile(path).header.recipe != recipe:
                message = f"{path} was made with other settings, and its receipt is gone"
                raise SlaError(message, "Use --force to replace it, or another --name.")


def _stored_frames(store: Path, recipe: str) -> dict[str, FramesOnDisk]:
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


def _refuse_changes(out: Path, old: Receipt, changed: Sequence[str], moved: Sequence[str]) -> None:
    """Raise SlaError if an up-to-date store would get other frames without --force.

    This does not concern clips that failed or were incomplete: they are encoded again.
    """
    repaired = old.results.get("failed", {}).keys() | old.results.get("incomplete", {}).keys()
    if other := [clip for clip in changed if clip not in repaired]:
        message = f"{counted(len(other), 'recording')} changed since {out} was made: {_that(other)}"
        raise SlaError(message, "Use --force to encode them again.")
    if other := [clip for clip in moved if clip not in repaired]:
        number = counted(len(other), "recording is", "recordings are")
        places = "An archive, its unpacked folder, and the folder above it are different places"
        hint = f"Use --force to encode those that are there. {places}: give the same as SOURCE."
        raise SlaError(f"{number} gone, or at other places than when {out} was made: {_that(other)}", hint)


def _that(clips: Sequence[str]) -> str:
    return f"{'that' if len(clips) == 1 else 'those'} of {some(clips)}"
