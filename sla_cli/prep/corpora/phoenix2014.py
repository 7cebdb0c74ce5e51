"""RWTH-PHOENIX-Weather 2014, multisigner (Koller et al., 2015): layout, tables, frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError, some
from sla_cli.formats.table import Row, read_table
from sla_cli.prep.frames import list_images

NAME = "phoenix2014"
FPS = 25.0
MULTISIGNER = "phoenix-2014-multisigner"
COLUMNS = ("id", "folder", "signer", "annotation")


def find_root(source: Path) -> Path:
    """The multisigner folder, given itself or a release folder above it.

    Raises:
        SlaError: no such folder, or another layout (says what was looked for and what lies there).
    """
    if not source.is_dir():
        raise SlaError(f"no such folder: {source}", "Give the folder that holds phoenix-2014-multisigner/.")
    tries = [source, source / MULTISIGNER, source / "phoenix2014-release" / MULTISIGNER]
    for root in tries:
        if (root / "annotations" / "manual").is_dir():
            return root
    names = sorted(entry.name + "/" * entry.is_dir() for entry in source.iterdir())
    raise SlaError(
        f"{source} is not Phoenix2014: looked for annotations/manual in "
        f"{', '.join(str(root) for root in tries)}; {source} holds {some(names) or 'nothing'}",
        "Give the release folder (phoenix2014-release) or phoenix-2014-multisigner itself.",
    )


def tables(source: Path) -> dict[str, Path]:
    """Split to annotation table, for the splits that are there; train must be."""
    folder = find_root(source) / "annotations" / "manual"
    found = {split: folder / f"{split}.corpus.csv" for split in ("train", "dev", "test")}
    found = {split: path for split, path in found.items() if path.is_file()}
    if "train" not in found:
        names = sorted(entry.name for entry in folder.iterdir())
        raise SlaError(f"no train.corpus.csv in {folder}; it holds {some(names) or 'nothing'}")
    return found


def clips(source: Path, split: str) -> Iterator[Clip]:
    """Clips of a split in the order of its table.

    Raises:
        SlaError: a row names a folder outside the corpus, or one that is missing or holds no images.
    """
    root, table = find_root(source), tables(source)[split]
    features = root / "features" / "fullFrame-210x260px" / split
    if not features.is_dir():
        raise SlaError(f"no folder {features}", f"{table} lists its clips; the frames of the release belong there.")
    for row in read_table(table, COLUMNS):
        folder = _frame_folder(features, row, table)
        images = list_images(folder) if folder.is_dir() else ()
        if not images:
            state = "holds no images" if folder.is_dir() else "is missing"
            raise SlaError(f"{table}, line {row.line}: the frame folder {folder} of clip {row['id']} {state}")
        yield Clip(row["id"], split, row["signer"], tuple(row["annotation"].split()), folder, len(images))


def _frame_folder(features: Path, row: Row, table: Path) -> Path:
    """`<id>/1/*.png` without the pattern; it must stay inside the corpus."""
    pattern = PurePosixPath(row["folder"].strip())
    if pattern.is_absolute() or ".." in pattern.parts or len(pattern.parts) < 2:
        raise SlaError(f"{table}, line {row.line}: folder {row['folder']!r} does not stay inside {features}")
    return features / pattern.parent
