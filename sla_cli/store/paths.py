"""The files of a store: their names, and the other stores whose frames they use."""

from __future__ import annotations

import re
from pathlib import Path

from sla_cli.artifact.hdf5 import is_format
from sla_cli.core.clip import SPLITS
from sla_cli.errors import FormatError
from sla_cli.store.file import NAME, StoreFile

STORE_FILE = re.compile(rf"({'|'.join(SPLITS)})(-\d{{4,}})?\.h5")


def split_path(store: Path, split: str, shard: int = 0, shards: int = 1) -> Path:
    """Path of a split, or of a shard of it (from 0), in a store."""
    return store / (f"{split}.h5" if shards == 1 else f"{split}-{shard:04}.h5")


def split_files(store: Path, split: str) -> list[Path]:
    """The existing files of a split, in the order of their clips."""
    one = split_path(store, split)
    if one.is_file():
        return [one]
    shards = (re.fullmatch(rf"{split}-(\d{{4,}})\.h5", path.name) for path in store.glob(f"{split}-*.h5"))
    return [store / match[0] for match in sorted(filter(None, shards), key=lambda match: int(match[1]))]


def store_files(store: Path) -> list[Path]:
    """The files that belong to a store, by name and content; not other files in the folder."""
    named = (path for path in sorted(store.glob("*.h5")) if STORE_FILE.fullmatch(path.name))
    return [path for path in named if is_format(path, NAME)]


def takes_frames(store: Path, lender: Path) -> bool:
    """Whether a store has frames in the folder `lender`, directly or through other stores; its own folder counts too.

    `lender` is a resolved path, which need not exist. Raises FormatError if a file in between is damaged.
    """
    waiting = [path for split in SPLITS for path in split_files(store.resolve(), split)]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path.parent == lender:
            return True
        if path not in seen and path.is_file():
            seen.add(path)
            waiting += StoreFile(path).frames_from
    return False


def borrowers(store: Path) -> list[Path]:
    """The stores next to a store that use its frames; one that cannot be read is left out."""
    found = []
    for folder in sorted(store.parent.glob("*/")):
        try:
            if folder.resolve() != store and takes_frames(folder, store):
                found.append(folder)
        except FormatError:
            continue  # damaged: it can no longer use frames
    return found
