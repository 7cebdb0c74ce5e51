"""What a work folder has that was made from a store, and may still hold clips of somebody who was left out of it."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple, get_args

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import Receipt, read_receipt, receipt_path
from sla_cli.core.clip import SPLITS
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.begun import CACHE
from sla_cli.store.clips import Split
from sla_cli.store.left_out import digests_before
from sla_cli.store.paths import FEATURES, STAGES, clips_files, division_names, features_folder, split_name
from sla_cli.store.store import Store
from sla_cli.system.atomic import UNFINISHED
from sla_cli.work.emissions import PARTS
from sla_cli.work.folder import UNFINISHED_EXPORT, find_source
from sla_cli.work.model_folder import Stored, stored_digest
from sla_cli.work.run import Run

MATTERS = re.compile(rf"^\.|receipt\.json$|^run\.toml$|{re.escape(FEATURES)}$")  # names of what is looked for


@dataclass(frozen=True)
class Holder:
    """An artifact that was made from a store, or a copy of the store.

    Attributes:
        kind: the command that made it; `cache`, also of a store that is gone; `unfinished`: left by a killed command;
            or `unreadable`: the log says why. The last two, and the cache of a store that is gone, may be of another
            store
        path: its folder or file
    """

    kind: str
    path: str


class _Made(NamedTuple):
    """An artifact, and what tells whether it was made from a store.

    Attributes:
        places: folders and files from which it was made, where they were and are now.
        digests: of the splits that it was made from, and of those of a store.
        weights: digests of those from which a run began, or with which emissions were made.
    """

    path: Path
    stage: str
    places: set[Path]
    digests: set[str]
    weights: set[str]


def every_split(store: Path) -> Iterator[Split]:
    """The splits of all divisions of a store, and those as they were if its list names signers whose clips it still
    has. Raises as `Store`."""
    for name in division_names(store) or [""]:
        opened = Store(store, name)
        yield from opened.parts.values()
        clips, division = opened.clips, opened.division
        for split in SPLITS:
            rows = [row for row, clip in zip(clips.rows, clips.ids, strict=True) if division.splits.get(clip) == split]
            if len(rows) > len(opened.parts.get(split, ())):
                yield Split(store, opened.header, division, split, rows, opened.vocabulary)


def holders(path: Path, work: Path, digests: Iterable[str] = ()) -> list[Holder]:
    """The artifacts of a work folder that were made from a store, directly or through others, its caches, and copies.

    Also through stores and runs that are gone, and through copies of the store. The work folder may have been moved or
    copied. What cannot be read is among them, and a warning says why.

    Args:
        digests: of splits that had clips of them, besides those that the store has noted.
    """
    store = split_name(path)[0].resolve()
    there, unreadable = _there(work)
    hidden = [one for one in there if one.name.startswith(".")]
    made = list[_Made]()
    for artifact in _artifacts(there):
        try:
            if artifact != store and (receipt := _receipt(artifact)) is not None:
                made.append(_made(artifact, receipt))
        except SlaError as error:
            log.warning("whether %s was made from %s cannot be known: %s", artifact, store, error.message)
            unreadable.append(artifact)
    found = _made_from(store, made, {*digests_before(store), *digests})
    stores = {store, *(one.path for one in found)}
    spools = sorted({one for one in (*hidden, *store.glob(".*")) if CACHE.fullmatch(one.name) and one.is_dir()})
    listed = [("cache", one) for one in spools if one.parent in stores]
    listed += [("cache", one) for one in _kept_features(store, there, stores)]
    listed += [(one.stage, one.path) for one in found]
    listed += [("unreadable", one) for one in unreadable]
    listed += [("unfinished", one) for one in spools if one.parent not in stores]
    listed += [("unfinished", one) for one in _unfinished(work, there) if one != store]
    return [Holder(kind, str(one)) for kind, one in listed]


def _there(work: Path) -> tuple[list[Path], list[Path]]:
    """What a work folder has with a name that matters here, also behind links, such as one to a larger disk; and the
    folders that cannot be read, each with a warning."""
    found, closed = dict[Path, list[Path]](), list[Path]()

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            log.warning("what %s holds cannot be known: %s", error.filename, error.strerror)
            closed.append(Path(error.filename).resolve())

    for folder, folders, files in os.walk(work, onerror=failed, followlinks=True):
        place = Path(folder).resolve()
        if place in found:
            folders.clear()
        else:
            found[place] = [place / name for name in (*folders, *files) if MATTERS.search(name)]
    return sorted(chain.from_iterable(found.values())), closed


def _artifacts(there: list[Path]) -> Iterator[Path]:
    """Files and folders with a receipt, runs, and unfinished exports, of which a hidden file is a note."""
    for file in there:
        if file.name == "receipt.json":
            yield file.parent
        elif (name := file.name.removesuffix(".receipt.json")) != file.name and name:
            yield file.with_name(name)
    for mark in ("run.toml", UNFINISHED_EXPORT):
        yield from (one.parent for one in there if one.name == mark and not receipt_path(one.parent).is_file())


def _receipt(artifact: Path) -> Receipt | None:
    """The receipt of an artifact; of an unfinished run or export, what it will say of its sources."""
    receipt, run, export = read_receipt(artifact), Run(artifact), artifact / UNFINISHED_EXPORT
    if receipt is None and run.exists:
        facts = run.facts
        begin = facts.init_from
        inputs, sources = ({"init_from": begin.weights}, {"init_from": begin.run}) if begin is not None else ({}, {})
        return Receipt("train", {}, inputs, sources={"store": facts.store, **sources})
    if receipt is None and export.is_file():
        return Receipt("export", {}, {}, sources={"store": str(read_json(export, names=True).get("store", ""))})
    return receipt


def _made(artifact: Path, receipt: Receipt) -> _Made:
    """Raises SlaError for a damaged run or store."""
    recorded = filter(None, (*receipt.sources.values(), str(receipt.inputs.get("store", ""))))  # there in older runs
    were = {split_name(Path(place))[0] for place in recorded}  # without divisions of stores
    now = (find_source(place, artifact, lambda _: True) for place in were)
    places = were | {place.resolve() for place in now if place is not None}
    run, digests = Run(artifact), set(map(str, (*receipt.inputs.values(), *receipt.sources.values())))
    if receipt.stage == "train" and run.exists:
        digests = run.facts.learned_from
    elif receipt.stage in STAGES and clips_files(artifact):
        digests |= {split.digest for split in every_split(artifact)}
    weights = {receipt.inputs[name] for name in ("init_from", "weights") if name in receipt.inputs}
    return _Made(artifact, receipt.stage, places, digests, weights)


def _made_from(store: Path, made: list[_Made], before: AbstractSet[str]) -> list[_Made]:
    """Those that were made from a store or a copy of it as it was, or from what was made from these.

    Args:
        before: digests of splits that it had.
    """
    names, found = {store}, list[_Made]()
    weights = set[str]()  # of runs that are found, also of models of them: the source may be such a model
    while new := [
        one
        for one in made
        if one.path not in names
        and not (weights.isdisjoint(one.weights) and names.isdisjoint(one.places) and before.isdisjoint(one.digests))
    ]:
        names |= {one.path for one in new}
        runs = (Run(one.path) for one in new if one.stage == "train")
        for digest in (run.weights_digest for run in runs if run.best.is_file()):
            weights |= {stored_digest(digest, stored) for stored in get_args(Stored)}
        found += new
    return found


def _unfinished(work: Path, there: list[Path]) -> Iterator[Path]:
    """Stores without a receipt, also copies that were interrupted, and what has a temporary name."""
    for folder in sorted(one.resolve() for one in work.glob("stores/*")):
        if clips_files(folder) and not receipt_path(folder).is_file():
            yield folder
    yield from (path for path in there if path.match(f".*{UNFINISHED}") or path.match(f".*{PARTS}"))


def _kept_features(store: Path, there: list[Path], stores: Container[Path]) -> Iterator[Path]:
    """Folders of features of these stores, and of stores that are gone or have another name by now."""
    for folder in sorted({features_folder(store), *(one for one in there if one.match(f"?*{FEATURES}"))}):
        of = folder.with_name(folder.name.removesuffix(FEATURES))
        if folder.is_dir() and not clips_files(folder) and (of in stores or not clips_files(of)):
            yield folder
