"""Annotation tables and pickles under a tree: their rows, and the paths and times in their cells."""

from __future__ import annotations

import difflib
import io
import pickle
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from sla_cli.artifact.pickled import check_pickle
from sla_cli.artifact.table import Row, parse_table
from sla_cli.artifact.text import decode_any_text, is_number
from sla_cli.config.bounds import FASTEST, SLOWEST
from sla_cli.core.alike import forms
from sla_cli.core.clip import SPLIT_NAMES, split_of_name
from sla_cli.core.clip_name import without_pattern
from sla_cli.core.digest import digest_bytes
from sla_cli.errors import FormatError, ReadError, SlaError
from sla_cli.log import log
from sla_cli.prep.corpus import Listing
from sla_cli.prep.tables.locate import contents, find_folders, is_folder, join, parent_of
from sla_cli.video.tree import Tree, checked

TABLES = (".tsv", ".csv")
REPORTED = 5  # most warnings of missing recordings
OUTSIDE = re.compile(r"[A-Za-z]:/|[A-Za-z][\w+.-]*://")  # a drive (C:) or a scheme (file://)


def read_rows(tree: Tree, path: str, columns: Sequence[str], listing: Listing, name: str = "") -> list[Row]:
    """Rows of a table separated by `|` whose header has at least `columns`; its digest is added to the listing.

    Args:
        name: name of the table in the listing; by default its file name.

    Raises:
        SlaError: it cannot be read, or has another form; names file and line.
    """
    data, where = tree.read(path), tree.where(path)
    listing.tables[name or PurePosixPath(path).name] = digest_bytes(data)
    rows = list(parse_table(decode_any_text(data, where), where, columns))
    if not rows:
        log.warning("%s has a header, and no rows", where)
    return rows


def load_plain(data: bytes, name: str) -> Any:
    """The lists, dicts, tuples, sets, strings and numbers of a pickle. Unpickling can call functions that a file names,
    so none is allowed: https://docs.python.org/3/library/pickle.html#restricting-globals

    Args:
        name: name of the file for messages.

    Raises:
        SlaError: the pickle names a class or function (which is not imported or called), or is damaged.
    """

    class Plain(pickle.Unpickler):
        def find_class(self, module: str, called: str) -> Any:
            """Called for every function or class that the pickle names, before it is used."""
            hint = "It could run any program. Download the file from the source of the corpus."
            raise SlaError(f"{name} is refused: a pickle with only data does not call {module}.{called}", hint)

    try:
        check_pickle(io.BytesIO(data), len(data))
        return Plain(io.BytesIO(data)).load()
    except SlaError:
        raise
    except Exception as error:  # damaged pickles raise nearly any exception: UnpicklingError, EOFError, ValueError
        reason = error or type(error).__name__
        raise FormatError(f"{name} is not a complete pickle: {reason}", "Copy it again.") from error


def inside(path: str, at: str) -> str:
    """A path from a table, without `./`. Raises SlaError, naming `at`, if it is empty or leads out of the corpus."""
    try:
        if path.strip("/.") and checked(path):
            return PurePosixPath(path).as_posix()
    except SlaError as error:
        raise FormatError(f"{at}: {error.message}", error.hint) from error
    raise FormatError(f"{at}: {path!r} names no file or folder in the corpus")


def resolve(tree: Tree, folder: str, cell: str, at: str) -> str:
    """The recording of a row within the tree. Backslashes, `frames/*.png` for the folder, and both Unicode forms of
    accented letters are accepted."""
    path = without_pattern(cell)
    if OUTSIDE.match(path):
        hint = f"Write paths relative to {tree.where(folder)}."
        raise SlaError(f"{at}: {cell!r} leads outside of the corpus", hint)
    path = join(folder, inside(path, at))
    return next((form for form in forms(path) if is_there(tree, form)), path)


def is_there(tree: Tree, path: str) -> bool:
    """Whether a recording exists; if this cannot be determined now, the error is reported when it is read."""
    try:
        return tree.is_file(path) or tree.is_dir(path)
    except ReadError:
        return True


def frame_rate(cell: str, at: str) -> float | None:
    """Frames per second from `25` or `29,97`; None for an empty cell. Raises SlaError, naming `at`."""
    text = cell.replace(",", ".")
    if not cell:
        return None
    if not is_number(text) or not SLOWEST <= float(text) <= FASTEST:
        hint = f"Write frames per second, {SLOWEST:g} to {FASTEST:g} (25)."
        raise SlaError(f"{at}: fps {cell!r} is not a frame rate", hint)
    return float(text)


def split_named(cell: str, at: str) -> str:
    """train, dev or test, also from other names. Raises SlaError, naming `at`."""
    split = split_of_name(cell)
    if split is None:
        raise SlaError(f"{at}: no split {cell!r}", f"Known: {', '.join(SPLIT_NAMES)}.")
    return split


def report_missing(lines: Sequence[str], count: int, kind: str, hint: str, *, all_lost: bool) -> None:
    """Warn of missing recordings: their clips are lost. Raise SlaError if all clips are.

    Args:
        lines: what is known of each, or of the first ones.
        count: number of clips or files without recording.
        kind: what is counted.
    """
    if all_lost:
        raise SlaError(lines[0] + (f"; the same for all {count} {kind}" if count > 1 else ""), hint)
    for line in lines[:REPORTED]:
        log.warning("%s", line)
    if count > REPORTED:
        log.warning("and %d more", count - REPORTED)


def near_misses(tree: Tree, path: str) -> str:
    """What exists there instead, or where the recording is instead; of a pattern, that it is none."""
    if "*" in path or "?" in path:
        return "patterns are not expanded, except `frames/*.png` for a folder: write a row for each recording"
    name, parent = PurePosixPath(path).name, parent_of(path)
    names = tree.names(parent) if is_folder(tree, parent) else []
    if name in names:
        return "what has this name is no file, or a link that leads nowhere"
    if elsewhere := find_folders(tree, lambda folder: is_there(tree, join(folder, name))):
        return f"is {join(elsewhere[0], name)} meant?"
    if near := difflib.get_close_matches(name, names, n=1, cutoff=0.75):
        return f"is {join(parent, near[0])} meant?"
    return contents(tree, parent)
