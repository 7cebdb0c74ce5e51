"""Exports a store in the folders and tables of a released corpus, for code that reads those.

A clip's folder gets its name when its pictures are complete, so an interrupted export can be continued.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import ValidationError, convert

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.lock import LOCK, locked
from sla_cli.artifact.receipt import OfExport, Receipt, read_receipt, receipt_path
from sla_cli.core.clip import SPLITS
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_bytes
from sla_cli.core.quantities import Count, Positive
from sla_cli.errors import FormatError, SlaError, some, without_pattern
from sla_cli.log import log, progress
from sla_cli.prep.encoding.process_pool import Executor, Failure
from sla_cli.prep.export.layout import LAYOUTS, OFFICIAL, SUFFIXES, Layout
from sla_cli.prep.export.pictures import PARTIAL, STORED_AS, Pictures, digest_pictures
from sla_cli.prep.export.remove import ELSEWHERE, remove_export
from sla_cli.prep.left_out import check_nobody_left_out
from sla_cli.store.clips import Split
from sla_cli.store.store import Store
from sla_cli.system.atomic import encoded, is_temporary, write_text
from sla_cli.work.folder import UNFINISHED_EXPORT
from sla_cli.work.kind import RECEIPT_NAME
from sla_cli.work.making import making
from sla_cli.work.output import check_folder, refuse_as_folder


@dataclass(frozen=True)
class ExportResult:
    """The exported store.

    Attributes:
        export: path of the folder
        root: path of the root folder of the layout in it
        layout: name of the layout
        image: format of the pictures, `png` or `jpg`
        size: side of the pictures in pixels
        clips: by split, the number of clips
        frames: number of pictures
    """

    export: Path
    root: Path
    layout: str
    image: str
    size: Positive
    clips: dict[str, int]
    frames: Count


def export_store(
    store: Store,
    layout: Layout,
    out: Path,
    engine: Executor,
    *,
    splits: Sequence[str] = (),
    image: str = "png",
    force: bool = False,
) -> ExportResult:
    """Write a store's frames and annotation in a layout; files of an interrupted attempt are kept.

    Args:
        splits: () means all that exist.
        image: png, or jpg if the store holds JPEG, whose bytes are then written unchanged.
        force: replace an export of another store or with other settings, or write this one again.

    Raises:
        SlaError: a clip does not fit in the layout, the store has no such split or pictures, `out` contains something
            else, another process is writing it, or the disk is full.
        FormatError: the store is damaged.
    """
    chosen = {split: clips for split, clips in store.parts.items() if not splits or split in splits}
    for split in splits or store.splits or SPLITS:
        store[split]  # raises if there is none
    first = next(iter(chosen.values()))
    if image == "jpg" and first.codec != STORED_AS[image]:
        raise SlaError(f"{store.path} holds its frames as {first.codec}, not as JPEG", "Leave --image out for png.")
    for split, clips in chosen.items():
        layout.check(split, clips, SUFFIXES[image])
    digests = {split: clips.digest for split, clips in chosen.items()}
    pictures = Pictures(store.name, out.resolve(), layout.name, image, first.size, digests)
    lengths = {split: dict(zip(clips.ids, clips.lengths, strict=True)) for split, clips in chosen.items()}
    counts = {split: len(clips) for split, clips in chosen.items()}
    frames = sum(sum(clips.lengths) for clips in chosen.values())
    result = ExportResult(out, out / layout.root, layout.name, image, first.size, counts, frames)
    receipt = Receipt(
        "export",
        {"layout": layout.name, "image": image, "splits": list(chosen)},
        digests,
        sources={"store": str(store.path.resolve()), "division": store.division.name},
    )
    check_folder(out.parent)
    _check_ours(out)
    tables = _tables(layout, chosen, image)
    written = {name: digest_bytes(encoded(text)) for name, text in tables.items()}
    recorded = {"layout": layout.name, "image": image, "size": first.size, "tables": written, "lengths": lengths}

    def is_whole(old: Receipt) -> bool:
        written = all(_holds(result.root / name, text) for name, text in tables.items())
        whole = written and not _missing(chosen, pictures)
        if whole:
            _check_unchanged(chosen, pictures, old)
        return whole

    with locked(out, f"another process is writing {out}"):
        with making(out, receipt, force=force, is_whole=is_whole) as artifact:
            if artifact.there is None:
                _begin(out, receipt, recorded, force)
                recorded["pictures"] = _write_pictures(chosen, pictures, engine, _known(out, layout.name))
                _write_tables(result.root, tables, pictures)
                for warning in layout.warnings(chosen):
                    log.warning("%s", warning)
                check_nobody_left_out(store)
                artifact.results = asdict(result) | recorded
                del artifact.results["export"], artifact.results["root"]  # it may be moved
        (out / UNFINISHED_EXPORT).unlink(missing_ok=True)
        shutil.rmtree(out / PARTIAL, ignore_errors=True)
    return result


def _check_ours(out: Path) -> None:
    """Raise SlaError if a folder contains other files than those of an export; none of them is changed."""
    refuse_as_folder(out)
    if out.exists() and not out.is_dir():
        raise SlaError(f"{out} is a file", "Name a folder with -o.")
    found = list(out.iterdir()) if out.is_dir() else []
    # Temporary files are left by a kill that came before the note or the receipt had its name.
    left = {path for path in found for name in (UNFINISHED_EXPORT, RECEIPT_NAME) if is_temporary(path, name)}
    names = {path.name for path in found if path not in left} - {LOCK}
    try:
        receipt = read_receipt(out) if names else None
    except FormatError as error:  # without its receipt, nothing tells which files may be replaced
        raise FormatError(error.message, "Remove the folder, or name another one with -o.") from error
    others = names
    if UNFINISHED_EXPORT in names if receipt is None else receipt.stage == "export":
        roots = {LAYOUTS[name].root for name in _recorded(out)}
        others = names - {RECEIPT_NAME, UNFINISHED_EXPORT, PARTIAL} - roots
    if others:
        raise SlaError(f"{out} contains other files: {some(sorted(others), 3)}", "Name a new or empty folder with -o.")


def _recorded(out: Path) -> dict[str, dict[str, Any]]:
    """What is known of the exports, finished or begun, that a folder has: by layout, the facts of `remove_export`."""
    receipt = read_receipt(out)
    found = dict[str, dict[str, Any]]()
    for facts in (_begun(out), {} if receipt is None else receipt.results):
        if (name := facts.get("layout")) in LAYOUTS:
            found[name] = found.get(name, {}) | facts
    return found


def _begun(out: Path) -> dict[str, Any]:
    """The note of an export that was begun, {} without one. Raises FormatError for another one."""
    path, hint = out / UNFINISHED_EXPORT, "Remove its folder."
    if not path.is_file():
        return {}
    facts = read_json(path, hint, names=True)
    try:
        convert(facts, OfExport)
    except ValidationError as error:
        raise FormatError(f"{path}: {without_pattern(str(error))}", hint) from error
    return facts


def _begin(out: Path, receipt: Receipt, facts: Mapping[str, Any], force: bool) -> None:
    """Record what the folder will contain. Raises SlaError if it was begun as something else and `force` is off.

    Args:
        facts: as of `remove_export`.
    """
    note = {"fingerprint": receipt.fingerprint, **receipt.arguments, **receipt.sources, **facts}
    begun = _begun(out)
    if begun.get("fingerprint") != receipt.fingerprint and begun and not force:
        message = f"{out} is an unfinished export of {begun.get('store')}, with other settings or of a changed store"
        raise SlaError(message, "Use --force to replace it, or name another folder with -o.")
    if force:
        for name, old in _recorded(out).items():
            former, again = LAYOUTS[name], name == facts["layout"]
            remove_export(out / former.root, former, old, again=again)
    write_text(out / UNFINISHED_EXPORT, json.dumps(note, indent=1) + "\n")
    if force:
        receipt_path(out).unlink(missing_ok=True)


def _missing(chosen: Mapping[str, Split], pictures: Pictures) -> list[tuple[str, int]]:
    """The clips, by split and number, of which not all pictures are there."""
    places = [(split, number) for split, clips in chosen.items() for number in range(len(clips))]
    return [place for place in places if not pictures.is_written(place[0], chosen[place[0]][place[1]])]


def _check_unchanged(chosen: Mapping[str, Split], pictures: Pictures, receipt: Receipt) -> None:
    """Raise SlaError if a picture is not as it was written."""
    written, digests = datetime.fromisoformat(receipt.finished).timestamp(), receipt.results.get("pictures", {})
    for split, clips in chosen.items():
        for clip in clips.ids:
            known = digests.get(split, {}).get(clip)
            if known and pictures.changed(split, clip, known, written):
                raise SlaError(f"{pictures.place(split, clip)} holds other pictures than were exported", ELSEWHERE)


def _known(out: Path, layout: str) -> dict[str, dict[str, str]]:
    """Digests of the pictures of an export that is only completed, by split and clip."""
    return dict(_recorded(out).get(layout, {}).get("pictures", {}))


def _write_pictures(
    chosen: Mapping[str, Split], pictures: Pictures, engine: Executor, known: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """Write the missing pictures of all clips; returns the digests of all, by split and clip.

    Args:
        known: digests of an earlier call.
    """
    missing, total = _missing(chosen, pictures), sum(map(len, chosen.values()))
    digests = {split: dict(known.get(split, {})) for split in chosen}
    if len(missing) < total:
        log.info("%d of %s written before", total - len(missing), counted(total, "clip was", "clips were"))
    with progress("export", len(missing)) as advance, closing(engine.run(pictures.write, missing)) as answers:
        for (split, number), answer in answers:
            if isinstance(answer, Failure):
                raise SlaError(f"clip {chosen[split].ids[number]} of {split} cannot be written: {answer.reason}")
            digests[split][chosen[split].ids[number]] = answer
            advance()
    return {
        split: {  # in the order of the clips; a call that was killed has recorded no digest of what it wrote
            clip: digests[split].get(clip) or digest_pictures(pictures.place(split, clip)) for clip in clips.ids
        }
        for split, clips in chosen.items()
    }


def _tables(layout: Layout, chosen: Mapping[str, Split], image: str) -> dict[str, str]:
    """The tables and references of all splits, by their path in the root folder."""
    texts = {}
    for split, clips in chosen.items():
        texts[layout.table.format(split=split)] = layout.table_text(clips, SUFFIXES[image])
        if split != "train" and clips.annotated:
            texts[layout.references.format(split=split)] = layout.stm_text(clips)
    return texts


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == encoded(text)


def _write_tables(root: Path, tables: Mapping[str, str], pictures: Pictures) -> None:
    for name, text in tables.items():
        write_text(root / name, text, keep=True)
    link = root / "features" / OFFICIAL
    if not link.is_symlink():
        try:
            link.symlink_to(pictures.features.name, target_is_directory=True)
        except OSError as error:
            hint = "On Windows, turn on developer mode, which allows links; or write to a disk that supports links."
            raise SlaError(f"cannot make the link {link}: {error.strerror}", hint) from error
