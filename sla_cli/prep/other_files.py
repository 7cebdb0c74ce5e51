"""Files in a store's folder that have the name of a store's file: those that sla wrote, and those of somebody."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sla_cli.artifact.receipt import read_receipt, receipt_path
from sla_cli.errors import FormatError, SlaError
from sla_cli.store.paths import DIVISIONS, SHARD, clips_path, stored_files
from sla_cli.system.atomic import UNFINISHED
from sla_cli.work.kind import STORE, STORE_FILE, file_kind, kind_of

RENAME = "Move it elsewhere, or give the store another name."
LEFT = re.compile(rf"\.{{1,2}}clips(-\d{{4,}})?\.h5(\..+)?{re.escape(UNFINISHED)}")  # files of a store, not complete


def refuse_other_artifact(out: Path) -> None:
    """Raise SlaError for the folder of another artifact, whose receipt a store would replace."""
    if (kind := kind_of(out)) not in ("", STORE):
        raise SlaError(f"{out} is another artifact of sla ({kind}), and no store is written into it", RENAME)


def check_clips_files(out: Path) -> None:
    """Raise SlaError for a file or folder that has the name of a store's file, and that no command of sla wrote, or
    that is a link to the file of another store."""
    for path in (clips_path(out), *filter(lambda path: SHARD.fullmatch(path.name), out.glob("clips-*.h5"))):
        if path.is_dir():
            raise SlaError(f"{path} is a folder, and is not replaced", RENAME)
    refuse_other_store(out, stored_files(out))
    made = read_receipt(out)
    recorded = made.results.get("files", []) if made is not None else []
    for path in stored_files(out):
        if (path.name not in recorded or path.is_symlink()) and not _is_ours(path):
            raise SlaError(f"{path} is not a file of a store, and is not replaced", RENAME)


def refuse_other_store(out: Path, files: Iterable[Path]) -> None:
    """Raise SlaError for files of a store's folder that are those of another store, through a link."""
    for path in files:
        place = Path(os.path.realpath(path)).parent
        store = place.parent if place.name == DIVISIONS else place
        if store != Path(os.path.realpath(out)) and receipt_path(store).exists():
            hint = f"Remove the link, or copy {store} instead of linking its files."
            raise SlaError(f"{path} is a link to a file of the store {store}, which would be written through", hint)


def remove_other_files(out: Path, names: Sequence[str]) -> None:
    """Remove the files of a store that had other shards than those of these names, and what killed commands left.

    The caller has locked the folder: no other process is writing such a file.
    """
    for path in stored_files(out):
        if path.name not in names and _is_ours(path):
            path.unlink()
    for path in out.glob(f".*{UNFINISHED}"):
        if LEFT.fullmatch(path.name):
            path.unlink()


def _is_ours(path: Path) -> bool:
    try:
        return file_kind(path) == STORE_FILE
    except FormatError:
        return True  # a damaged file of HDF5, as a power failure leaves it
