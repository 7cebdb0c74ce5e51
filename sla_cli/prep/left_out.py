"""Signers who were left out of a store, as after consent was withdrawn: their clips are removed and do not come back.

`left-out.txt` in the store's folder has a name on each line; prep reads it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, read_receipt, receipt_path, write_receipt
from sla_cli.artifact.text import read_text
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.store.division import Division, read_division, write_division
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import division_names, division_path, split_name
from sla_cli.store.store import Store
from sla_cli.store.write import write_clips
from sla_cli.system.atomic import write_text

FILE = "left-out.txt"


@dataclass(frozen=True)
class LeftOut:
    """What was removed.

    Attributes:
        clips: ids of the clips that the store no longer has.
        divisions: name of each division that had some of them, with their number.
    """

    clips: tuple[str, ...]
    divisions: dict[str, int]


@dataclass(frozen=True)
class Holder:
    """An artifact that was made from a store.

    Attributes:
        kind: the command that made it, or `cache`
        path: its folder or file
    """

    kind: str
    path: str


def read_left_out(store: Path) -> tuple[str, ...]:
    """Names of the signers who were left out of a store."""
    path = store / FILE
    return tuple(read_text(path).split("\n")[:-1]) if path.is_file() else ()


def leave_out(path: Path, signer: str) -> LeftOut:
    """Remove all clips of a signer from a store, with their frames, and from its divisions.

    Raises:
        SlaError: no such store or signer, the signer's are the only clips, or another process is writing the store.
        FormatError: the store is damaged.
    """
    store = Store(split_name(path)[0], Division("", {}))
    out, clips = store.path.resolve(), store.clips
    signers = set(clips.signers)
    if signer not in signers:
        known = some(sorted(signers - {""}), 20)
        raise SlaError(f"no clip of {out} is by a signer {signer!r}", f"Its signers: {known}.")
    if signers == {signer}:
        raise SlaError(f"all clips of {out} are by {signer}: nothing would be left", "Remove the whole folder.")
    gone = tuple(clip for clip, name in zip(clips.ids, clips.signers, strict=True) if name == signer)
    glosses = dict(zip(clips.ids, clips.glosses, strict=True))
    with locked(out, f"another process is writing {out}"):
        receipt = read_receipt(out)
        assert receipt is not None  # the store is complete
        write_text(out / FILE, "".join(f"{name}\n" for name in dict.fromkeys((*read_left_out(out), signer))))
        receipt_path(out).unlink()  # from here until the new receipt the store is incomplete
        for file in store.files:
            _without(file, signer)
        divisions = _shorten_divisions(out, set(gone))
        results = receipt.results
        results["clips"] -= len(gone)
        results["skipped"] |= dict.fromkeys(gone, f"signer {signer} was left out of this store")
        for name, figures in results["divisions"].items():
            splits = read_division(division_path(out, name)).splits
            figures["clips"] = dict(Counter(splits.values()))
            train = (glosses[clip] for clip, split in splits.items() if split == "train")
            figures["vocabulary"] = len({gloss for words in train for gloss in words})
        write_receipt(receipt, out)
    log.info("%s of %s removed from %s", counted(len(gone), "clip"), signer, out)
    return LeftOut(gone, divisions)


def _without(file: StoreFile, signer: str) -> None:
    """Write a file of a store again, without the clips of a signer."""
    kept = [number for number, name in enumerate(file.signers) if name != signer]
    if len(kept) < len(file.ids):
        size = sum(int(file.clip_bytes[number]) for number in kept)
        write_clips(file.path, file.header, map(file.raw, kept), size)


def _shorten_divisions(store: Path, gone: set[str]) -> dict[str, int]:
    """Take clips out of all divisions; returns how many each had."""
    had = {}
    for name in division_names(store):
        division = read_division(division_path(store, name))
        splits = {clip: split for clip, split in division.splits.items() if clip not in gone}
        if len(splits) < len(division.splits):
            had[name] = len(division.splits) - len(splits)
            write_division(store, Division(name, splits, division.unseen, division.drawn))
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
