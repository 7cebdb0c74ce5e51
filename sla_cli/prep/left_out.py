"""Signers who were left out of a store, as after consent was withdrawn: their clips are removed and do not come back.

`left-out.txt` in the store's folder has a name on each line; prep reads it.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, read_receipt, receipt_path, write_receipt
from sla_cli.artifact.text import read_text
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.result import division_figures
from sla_cli.store.division import Division, read_division, write_division
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import division_names, division_path, split_name
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import write_text

FILE = "left-out.txt"


@dataclass(frozen=True)
class Holder:
    """An artifact that was made from a store.

    Attributes:
        kind: the command that made it, or `cache`
        path: its folder or file
    """

    kind: str
    path: str


@dataclass(frozen=True)
class LeftOut:
    """A store without some signers.

    Attributes:
        store: path of the store
        signers: names of the signers
        clips: ids of the clips that were removed
        divisions: by division that had some of them, their number
        held_by: what was made from the store before, and still holds what was copied or learned from these clips
    """

    store: Path
    signers: tuple[str, ...]
    clips: tuple[str, ...]
    divisions: dict[str, int]
    held_by: list[Holder]


def read_left_out(store: Path) -> tuple[str, ...]:
    """Names of the signers who were left out of a store; an editor may have ended the lines of the file otherwise."""
    path = store / FILE
    lines = read_text(path).split("\n") if path.is_file() else []
    return tuple(name for line in lines if (name := line.removesuffix("\r")))


def leave_out(path: Path, signers: Sequence[str], work: Path) -> LeftOut:
    """Remove all clips of signers from a store, with their frames, and from its divisions.

    Args:
        work: work folder, in which what was made from the store is looked for.

    Raises:
        SlaError: no such store or signer, no clip would be left, or another process is writing the store.
        FormatError: the store, or a receipt in the work folder, is damaged.
    """
    folder = split_name(path)[0]
    nothing = Division("", {})
    Store(folder, nothing)  # refuses any other folder, in which a lock would be left
    out = folder.resolve()
    with locked(out, f"another process is writing {out}"):
        store = Store(folder, nothing)  # again: another process may meanwhile have left somebody out
        gone = _clips_of(store, signers)
        glosses = dict(zip(store.clips.ids, store.clips.glosses, strict=True))
        receipt = read_receipt(out)
        assert receipt is not None  # the store is complete
        write_text(out / FILE, "".join(f"{name}\n" for name in dict.fromkeys((*read_left_out(out), *signers))))
        receipt_path(out).unlink()  # from here until the new receipt the store is incomplete
        for file in store.files:
            _without(file, gone)
        divisions = _shorten_divisions(out, gone)
        results = receipt.results
        results["clips"] -= len(gone)
        results["skipped"] |= {clip: left_out_reason(signer) for clip, signer in gone.items()}
        for name in results["divisions"]:
            division = read_division(division_path(out, name))
            results["divisions"][name] = asdict(division_figures(division, glosses))
        write_receipt(receipt, out)
    log.info("%s of %s removed from %s", counted(len(gone), "clip"), " and ".join(signers), out)
    return LeftOut(path, tuple(signers), tuple(gone), divisions, holders(path, work))


def _clips_of(store: Store, signers: Sequence[str]) -> dict[str, str]:
    """The clips of signers, each with its signer. Raises SlaError if one has none, or if no clip would be left."""
    clips, out = store.clips, store.path.resolve()
    known = set(clips.signers)
    for signer in signers:
        if signer not in known:
            raise SlaError(
                f"no clip of {out} is by a signer {signer!r}", f"Its signers: {some(sorted(known - {''}), 20)}."
            )
    if known == set(signers):
        message = f"all clips of {out} are by {' and '.join(signers)}: nothing would be left"
        raise SlaError(message, "Remove the whole folder.")
    return {clip: signer for clip, signer in zip(clips.ids, clips.signers, strict=True) if signer in signers}


def left_out_reason(signer: str) -> str:
    """Why a clip is not in a store."""
    return f"signer {signer} was left out of this store"


def _without(file: StoreFile, gone: Container[str]) -> None:
    """Write a file of a store again, without these clips."""
    kept = [number for number, clip in enumerate(file.ids) if clip not in gone]
    if len(kept) < len(file.ids):
        size = sum(int(file.clip_bytes[number]) for number in kept)
        write_clips(file.path, file.header, map(file.raw, kept), size)


def _shorten_divisions(store: Path, gone: Container[str]) -> dict[str, int]:
    """Take clips out of all divisions; returns how many each had."""
    had = {}
    for name in division_names(store):
        division = read_division(division_path(store, name))
        splits = {clip: split for clip, split in division.splits.items() if clip not in gone}
        if len(splits) < len(division.splits):
            had[name] = len(division.splits) - len(splits)
            write_division(store, replace(division, splits=splits))
    return had


def holders(path: Path, work: Path) -> list[Holder]:
    """The artifacts of a work folder that were made from a store, directly or through others, and its caches.

    Raises FormatError if a receipt is damaged.
    """
    store = split_name(path)[0].resolve()
    found = [Holder("cache", str(cache)) for cache in sorted(store.glob(".spool-*"))]
    names, made = {str(store)}, list[tuple[Path, Receipt]]()
    for file in sorted(work.resolve().rglob("*receipt.json")):
        artifact = (
            file.parent if file.name == "receipt.json" else file.with_name(file.name.removesuffix(".receipt.json"))
        )
        receipt = read_receipt(artifact)
        if receipt is not None and artifact != store:
            made.append((artifact, receipt))
    while new := [one for one in made if not names.isdisjoint(_places(one[1])) and str(one[0]) not in names]:
        names |= {str(artifact) for artifact, _ in new}
        found += [Holder(receipt.stage, str(artifact)) for artifact, receipt in new]
    return found


def _places(receipt: Receipt) -> set[str]:
    """Folders and files from which an artifact was made, without divisions of stores."""
    recorded = [*receipt.sources.values(), str(receipt.inputs.get("store", ""))]
    return {str(split_name(Path(place))[0]) for place in recorded if place}
