"""Opens the SOURCE of the user: a folder or archive, or one file in a folder."""

from __future__ import annotations

from pathlib import Path

from sla_cli.core.clip import SPLITS
from sla_cli.errors import SlaError
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Folder, Tree

TABLES = (".tsv", ".csv")
SPLIT_NAMES = {name: name for name in SPLITS} | dict.fromkeys(("val", "valid", "validation", "development"), "dev")


class FolderOf(Folder):
    """The folder of a single file that was given."""

    def __init__(self, file: Path) -> None:
        super().__init__(file.parent)
        self.file = file.name


def open_given(source: Path, cache: Path | None, endings: tuple[str, ...]) -> Tree:
    """The tree of a file with one of these extensions, in lower case, or of a folder or archive.

    Raises SlaError if it is neither.
    """
    if source.is_file() and source.name.lower().endswith(endings):
        return FolderOf(source)
    return open_tree(source, cache)


def split_named(cell: str, at: str) -> str:
    """train, dev or test, also from other names. Raises SlaError, naming `at`."""
    if cell.lower() not in SPLIT_NAMES:
        hint = f"Known: {', '.join(SPLIT_NAMES)}. Empty: train, or test without glosses."
        raise SlaError(f"{at}: no split {cell!r}", hint)
    return SPLIT_NAMES[cell.lower()]
