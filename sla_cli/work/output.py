"""Which files a command may overwrite: the rule of every --output.

An input of the command, anything but a regular file, and another kind of artifact of sla are never replaced, not even
with --force. An artifact of the same kind, and a file that is not from sla, are replaced if the caller says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from sla_cli.artifact.receipt import read_receipt
from sla_cli.errors import FormatError, SlaError
from sla_cli.work import scores
from sla_cli.work.kind import ALIGNMENT, EMISSIONS, HYPOTHESES, RECEIPT_NAME, STORE_FILE, file_kind
from sla_cli.work.run import Run

LANGUAGE_MODEL = "language model"
KIND_OF_STAGE = {"emit": EMISSIONS, "decode": HYPOTHESES, "align": ALIGNMENT, "lm": LANGUAGE_MODEL}
SCORE_FILES = (
    *(scores.FIGURES, scores.CLIPS, scores.ALIGNMENT, scores.SIGNERS, scores.LENGTHS),
    *(scores.GLOSSES, scores.CONFUSIONS),
)
KERNEL = ("/proc", "/sys", "/dev")  # file systems that are not for user files
MEMORY = "/dev/shm"  # but this one does


def check_output(path: Path | None, kind: str = "", *, inputs: Iterable[Path | None] = (), replace: bool) -> None:
    """Refuse a file that cannot or must not be written; None means no file.

    Args:
        kind: kind of artifact that is written, "" if it is not an artifact: a table, a picture, a foreign format.
        inputs: files that the command reads; folders and missing files are ignored.
        replace: replace an existing file, unless it must never be replaced.

    Raises:
        SlaError: it is a folder, its parent is a file, it is not a regular file, is one of `inputs`, another artifact
            of sla or a part of one, or exists without `replace`.
    """
    if path is None:
        return
    _check_place(path)
    if not path.exists():
        return
    if any(other is not None and other.is_file() and path.samefile(other) for other in inputs):
        raise SlaError(f"{path} would replace an input of the command", "Give it another name.")
    found = _artifact(Path(os.path.realpath(path)))
    if found not in ("", kind):
        raise SlaError(f"{path} is an artifact of sla ({found}) and is never replaced", "Give it another name.")
    if not replace:
        raise SlaError(f"{path} exists", "Use --force to replace it.")


def is_table(path: Path, columns: Sequence[str]) -> bool:
    """Whether a file begins with this header, like a table that sla wrote before."""
    head = ("\t".join(columns) + "\n").encode()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(head)) == head


def _check_place(path: Path) -> None:
    """Raise SlaError if no file can be at this path, or if what exists there is not a file."""
    if path.is_dir():
        raise SlaError(f"{path} is a folder", "Name a file.")
    nearest = next((parent for parent in path.parents if parent.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise SlaError(f"{path} cannot be written: {nearest} is a file", "Name a folder.")
    real = Path(os.path.realpath(path))
    if os.path.lexists(path) and not real.is_file():
        what = "a link that leads nowhere" if path.is_symlink() and not path.exists() else "not a regular file"
        raise SlaError(f"{path} is {what}", "Give it another name.")
    if any(real.is_relative_to(folder) for folder in KERNEL) and not real.is_relative_to(MEMORY):
        raise SlaError(f"{path} cannot be written: this file system is not for user files", "Name another folder.")


def _artifact(path: Path) -> str:
    """Which artifact of sla a file is, or to which it belongs; "" if to none."""
    own = read_receipt(path)
    if own is not None:
        return KIND_OF_STAGE.get(own.stage, own.stage)
    try:
        if kind := file_kind(path):
            return kind
    except FormatError:
        if path.with_name(RECEIPT_NAME).is_file():  # a damaged file of a store, which is not recognised as one
            return STORE_FILE
    run = Run(path.parent)
    if run.exists and path in run.files:
        return "file of a run"
    if path.name in SCORE_FILES and path.with_name(scores.FIGURES).is_file():
        return "file of a score"
    folder = read_receipt(path.parent)
    return "file of a tuning" if folder is not None and folder.stage == "tune" else ""
