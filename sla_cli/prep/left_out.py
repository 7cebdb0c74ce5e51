"""Signers who were left out of a store, as after consent was withdrawn: their clips are removed and do not come back.

Their names and the ids of their clips are in files of the store, which prep reads.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, read_receipt, receipt_path, renew
from sla_cli.core.alike import in_one_form
from sla_cli.core.clip import signer_key
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.holders import Holder, every_split, holders
from sla_cli.prep.other_files import refuse_other_store
from sla_cli.prep.result import division_figures
from sla_cli.store.division import Division, read_division, write_without
from sla_cli.store.file import StoreFile
from sla_cli.store.left_out import (
    FILES,
    add_clips_left_out,
    add_digests_before,
    add_left_out,
    alike,
    clips_left_out,
    left_out_among,
    read_left_out,
)
from sla_cli.store.paths import division_names, division_path, known_division, split_name
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import refuse_link, refuse_read_only
from sla_cli.system.file_identity import unchanged
from sla_cli.work.folder import STORES, Work

WAS_LEFT_OUT = "was left out of this store"  # ends the reason why such a clip is skipped


@dataclass(frozen=True)
class LeftOut:
    """A store without some signers.

    Attributes:
        store: path of the store
        signers: names of the signers
        clips: ids of the clips that were removed
        divisions: by division that had some of them, their number
        held_by: what was made from the store, and may hold what was copied or learned from these clips: what was made
            from it after the signers were left out does not
        searched: work folders in which this was looked for: the given one, and the one in which the store lies
    """

    store: Path
    signers: tuple[str, ...]
    clips: tuple[str, ...]
    divisions: dict[str, int]
    held_by: list[Holder]
    searched: tuple[Path, ...]


def check_returning(store: Path, clips: Mapping[str, str], place: str = "the corpus") -> None:
    """Raise SlaError for a clip that was left out with its signer, whom its place names no longer, or otherwise.

    Args:
        clips: ids, each with the signer as the place names them now; none of these is left out.
        place: where the clips come from.
    """
    if not (names := read_left_out(store)):
        return
    gone = clips_left_out(store, names)
    if back := [clip for clip in clips if in_one_form(clip) in gone]:
        raise SlaError(
            f"{some(back)}: left out of {store} with the signer, whom {place} no longer names",
            f"Name the signers as before, or take these clips out of {place}; if they are other clips, rename them.",
        )
    if unknown := [clip for clip, signer in clips.items() if not signer]:
        message = (
            "%s without a signer in %s: whether somebody is among them who was left out of %s cannot be known (%s)"
        )
        log.warning(message, counted(len(unknown), "clip"), place, store, some(names))


def leave_out(path: Path, signers: Sequence[str], work: Path) -> LeftOut:
    """Remove all clips of signers from a store, with their frames, and from its divisions.

    Args:
        path: folder of the store, or `FOLDER:DIVISION`: the signers leave all divisions.
        work: work folder, in which what was made from the store is looked for, besides the one in which it lies.

    Raises:
        SlaError: no such store, division or signer, no clip would be left, or another process is writing the store.
        FormatError: the store is damaged.
    """
    signers = [in_one_form(name).strip() for name in signers]
    folder, named = split_name(path)
    nothing = Division("", {})
    Store(folder, nothing)  # refuses any other folder, in which a lock would be left
    if named:
        known_division(folder, named)
    out = folder.resolve()
    searched = tuple(one for one in dict.fromkeys((work.resolve(), *_around(out))) if one.is_dir())
    with locked(out, f"another process is writing {out}", hint="Wait for it."):
        store = Store(folder, nothing)  # again: another process may meanwhile have left somebody out
        gone = _clips_of(store, signers)
        with_them = [split.digest for split in every_split(out) if any(clip in gone for clip in split.ids)]
        if len(gone) == len(store.clips):
            raise _nobody_left(out, signers, _held_by(path, searched, with_them))
        signers = list(dict.fromkeys((*signers, *gone.values())))  # also as the store writes them
        checks = {name: unchanged(division_path(out, name)) for name in division_names(out)}
        had = [read_division(division_path(out, name)) for name in checks]
        # After a kill, prep may have made the store without them.
        left = clips_left_out(out, signers)
        every = gone.keys() | {clip for one in had for clip in one.splits if in_one_form(clip) in left}
        divisions = [_without_clips(division, every) for division in had]
        removed = {
            old.name: count
            for old, new in zip(had, divisions, strict=True)
            if (count := len(old.splits) - len(new.splits))
        }
        receipt = _receipt_without(store, divisions, gone)
        written = [
            receipt_path(out),
            *(file.path for file in store.files),
            *(division_path(out, one) for one in removed),
        ]
        for file in (*(out / name for name in FILES), *written):
            refuse_read_only(file)
        for name in FILES:
            refuse_link(out / name)
        refuse_other_store(out, written)
        # Nothing is changed before this line. Each change is complete in itself, and the same command does the rest of
        # an interrupted one: the clips, by which it is decided what is to be done, are removed last.
        add_digests_before(out, with_them)
        add_left_out(out, signers)
        add_clips_left_out(out, gone)
        renew(receipt, out)
        for division in (division for division in divisions if division.name in removed):
            write_without(out, division, every, check=checks[division.name])
        try:
            for stored in store.files:
                _without(stored, gone)
        except SlaError as error:
            state = "The clips are in no split any more, but frames of theirs may still be in the store"
            hint = f"{state}: correct what stopped it, and give the same command again."
            raise SlaError(error.message, hint) from error
    # Each once, as the store writes the name.
    people = tuple({signer_key(name): name for name in (*signers, *gone.values())}.values())
    log.info("%s of %s removed from %s", counted(len(gone), "clip"), some(people), out)
    return LeftOut(folder, people, tuple(gone), removed, _held_by(path, searched), searched)


def check_nobody_left_out(store: Store) -> None:
    """Raise SlaError if a signer of an opened store is left out of it by now."""
    if left := left_out_among(store.path, store.clips.signers):
        hint = "Run the command again. If clips of this person are still there, `sla store leave-out` removes them."
        raise SlaError(f"signer {some(sorted(left))} was left out of {store.path}", hint)


def _clips_of(store: Store, signers: Sequence[str]) -> dict[str, str]:
    """The clips of signers, each with its signer. Raises SlaError if one has none."""
    clips, out = store.clips, store.path.resolve()
    known, before = set(clips.signers), read_left_out(out)
    for signer in signers:
        if not alike((*known, *before), [signer]):
            names = some(sorted(known - {""}), 20)
            hint = f"Its signers: {names}." if names else "Its clips name no signers."
            raise SlaError(f"no clip of {out} is by a signer {signer!r}", hint)
    left = alike(known, signers)
    return {clip: signer for clip, signer in zip(clips.ids, clips.signers, strict=True) if signer in left}


def _around(store: Path) -> list[Path]:
    """The work folder in which a store lies; of a folder of stores alone, this, not all that is beside it."""
    if store.parent.name != STORES:
        return []
    work = Work(store.parent.parent)
    others = (work.runs, work.emissions, work.hypotheses, work.scores, work.lm, work.alignments, work.exports)
    return [work.root if any(map(Path.is_dir, others)) else work.stores]


def _held_by(path: Path, searched: Iterable[Path], digests: Iterable[str] = ()) -> list[Holder]:
    """What the work folders that are searched have that was made from the store, each once."""
    return list(dict.fromkeys(holder for work in searched for holder in holders(path, work, digests)))


def _nobody_left(out: Path, signers: Sequence[str], held_by: Sequence[Holder]) -> SlaError:
    """Names what else may hold the clips: nothing tells it when the folder is removed."""
    also = f", and these, which may have been made from it: {'; '.join(f'{one.kind} {one.path}' for one in held_by)}"
    message = f"all clips of {out} are by {some(signers)}: nothing would be left"
    return SlaError(message, f"Remove the whole folder{also if held_by else ''}.")


def left_out_reason(signer: str) -> str:
    """Why a clip is not in a store, for its receipt."""
    return f"signer {signer} {WAS_LEFT_OUT}"


def _without(file: StoreFile, gone: Container[str]) -> None:
    """Write a file of a store again, without these clips."""
    kept = [number for number, clip in enumerate(file.ids) if clip not in gone]
    if len(kept) < len(file.ids):
        size = sum(int(file.clip_bytes[number]) for number in kept)
        write_clips(file.path, file.header, map(file.raw, kept), size)


def _without_clips(division: Division, gone: Container[str]) -> Division:
    return replace(division, splits={clip: split for clip, split in division.splits.items() if clip not in gone})


def _receipt_without(store: Store, divisions: Sequence[Division], gone: Mapping[str, str]) -> Receipt:
    """The receipt, with results of what the store has without some clips."""
    receipt = read_receipt(store.path)
    assert receipt is not None  # the store is complete
    results = receipt.results
    glosses = dict(zip(store.clips.ids, store.clips.glosses, strict=True))
    figures = {division.name: asdict(division_figures(division, glosses)) for division in divisions}
    results["clips"] = len(glosses) - len(gone)
    results["skipped"] = results.get("skipped", {}) | {clip: left_out_reason(name) for clip, name in gone.items()}
    for key in results.keys() & {"failed", "incomplete"}:
        results[key] = {clip: reason for clip, reason in results[key].items() if clip not in gone}
    # In their order, the first is the default; also one whose table is lost, without which another would be it.
    results["divisions"] = {name: figures.get(name, was) for name, was in results.get("divisions", {}).items()}
    return receipt
