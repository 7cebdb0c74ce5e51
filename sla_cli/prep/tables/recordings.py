"""Paths and times of recordings as people write them in tables of their own."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from pathlib import PurePosixPath

from sla_cli.errors import SlaError
from sla_cli.prep.tables.annotation import inside
from sla_cli.prep.tables.locate import contents, find_folders, join, parent_of
from sla_cli.video.tree import Tree

OUTSIDE = re.compile(r"[A-Za-z]:/|[A-Za-z][\w+.-]*://")  # a drive (C:) or a scheme (file://)


def resolve(tree: Tree, folder: str, cell: str, at: str) -> str:
    """The recording of a row within the tree. Backslashes, patterns as `frames/*.png` and both ways in which systems
    write an accented letter are understood."""
    path = cell.replace("\\", "/").rstrip("/")
    if OUTSIDE.match(path):
        raise SlaError(
            f"{at}: {cell!r} does not stay inside the corpus", f"Write paths relative to {tree.where(folder)}."
        )
    if "*" in PurePosixPath(path).name:
        path = PurePosixPath(path).parent.as_posix()
    path = join(folder, inside(path, at))
    forms = (path, unicodedata.normalize("NFC", path), unicodedata.normalize("NFD", path))
    return next((form for form in forms if is_there(tree, form)), path)


def is_there(tree: Tree, path: str) -> bool:
    return tree.is_file(path) or tree.is_dir(path)


def seconds(cell: str, what: str, at: str) -> float | None:
    """Of `12.5`, `12,5` or `1:02:03.5`; None of an empty cell."""
    if not cell:
        return None
    try:
        parts = [float(part) for part in cell.replace(",", ".").split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(math.isfinite(part) and part >= 0 for part in parts):
        raise SlaError(f"{at}: {what} {cell!r} is no time", "Write seconds (12.5), or hours:minutes:seconds.")
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))


def near_misses(tree: Tree, path: str) -> str:
    """What lies there instead, or where it lies instead."""
    name, parent = PurePosixPath(path).name, parent_of(path)
    if elsewhere := find_folders(tree, lambda folder: is_there(tree, join(folder, name))):
        return f"is {join(elsewhere[0], name)} meant?"
    if tree.is_dir(parent) and (near := difflib.get_close_matches(name, tree.names(parent), n=1, cutoff=0.75)):
        return f"is {join(parent, near[0])} meant?"
    return contents(tree, parent)
