"""Where the files of a store are: `clips.h5`, or `clips-0000.h5`, `clips-0001.h5`, …, and tables in `divisions/`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sla_cli.core.alike import among, forms
from sla_cli.errors import SlaError, some

SHARD = re.compile(r"clips-(\d{4,})\.h5")
DIVISIONS = "divisions"
FEATURES = ".features"
STAGES = ("prep", "merge")  # that make stores


def clips_path(store: Path, shard: int = 0, shards: int = 1) -> Path:
    """Path of a file of clips, or of a shard of it (from 0), in a store."""
    return store / ("clips.h5" if shards == 1 else f"clips-{shard:04}.h5")


def clips_files(store: Path) -> list[Path]:
    """The existing files of clips, in the order of their clips."""
    one = clips_path(store)
    return [one] if one.is_file() else stored_files(store)


def stored_files(store: Path) -> list[Path]:
    """All files of clips in a folder, also those that a store with other shards left there."""
    shards = (SHARD.fullmatch(path.name) for path in store.glob("clips-*.h5"))
    found = [store / match[0] for match in sorted(filter(None, shards), key=lambda match: int(match[1]))]
    return [path for path in (clips_path(store), *found) if path.is_file()]


def is_begun(store: Path) -> bool:
    """Whether `sla prep` has begun a store in a folder, and not finished it."""
    return any(store.glob(".spool-*"))


def features_folder(store: Path) -> Path:
    """Folder beside a store for features that trainings keep (`train.keep_views`)."""
    return store.with_name(f"{store.name}{FEATURES}")


def check_store_name(store: Path) -> None:
    """Raise SlaError for the name of such a folder: trainings would write into the store, and users delete it."""
    if store.name.lower().endswith(FEATURES):
        raise SlaError(
            f"{store}: a store's name must not end in {FEATURES}, as folders of kept features do",
            "Give it another name.",
        )


def division_path(store: Path, name: str) -> Path:
    """Path of the table of a division."""
    return as_there(store / DIVISIONS / f"{name}.tsv")


def division_names(store: Path) -> list[str]:
    """The divisions that a store has, sorted."""
    tables = (store / DIVISIONS).glob("*.tsv")
    return sorted(path.stem for path in tables if path.is_file() and not path.name.startswith("."))


def lost_divisions(store: Path, results: Mapping[str, Any]) -> list[str]:
    """The divisions of the corpus, from the results of a store's receipt, whose tables are gone."""
    return [name for name in results.get("divisions", {}) if not division_path(store, name).is_file()]


def known_division(store: Path, wanted: str) -> str:
    """Name of a division as the store has it, which may be another Unicode form. Raises SlaError if there is none."""
    names = division_names(store)
    found = among(wanted, names)
    if found not in names:
        raise SlaError(
            f"{store} has no division {wanted!r}", f"It has {some(names)}." if names else "`sla split` makes one."
        )
    return found


def split_name(path: Path) -> tuple[Path, str]:
    """Folder and division of `FOLDER:DIVISION`; a folder that has such a name itself is one.

    Raises SlaError if the division has no name.
    """
    folder, colon, division = str(path).rpartition(":")
    path = as_there(path)
    if not colon or not folder or "/" in division or _exists(path):
        return path, ""
    if not division:
        raise SlaError(f"{path} names no division", f"Leave out the colon, or write {path}NAME.")
    return as_there(Path(folder)), division


def as_there(path: Path) -> Path:
    """The path, with its name in the Unicode form in which it is there; unchanged if it is not there."""
    if path.name.isascii():
        return path
    there = (one for one in map(path.with_name, forms(path.name)) if _exists(one))
    return next(there, path)


def _exists(path: Path) -> bool:
    """Path.exists would raise for a name that is too long, as store and division together may be."""
    return os.path.exists(path)  # noqa: PTH110


def names_store(path: Path) -> bool:
    """Whether a path is a folder, or `FOLDER:DIVISION`, and not a file."""
    return split_name(path)[0].is_dir()
