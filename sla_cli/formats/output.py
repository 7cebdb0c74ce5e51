"""What a command may write over: the rule of every --output.

Nothing replaces an input of the command, what is no regular file, or another artifact of sla, --force or not. An
artifact of the kind that is written, and a file that is none of sla's, are replaced where the caller says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from sla_cli.errors import FormatError, SlaError
from sla_cli.formats import scores
from sla_cli.formats.kind import ALIGNMENT, EMISSIONS, HYPOTHESES, RECEIPT_NAME, STORE_FILE, file_kind
from sla_cli.formats.receipt import read_receipt
from sla_cli.formats.run import Run

LANGUAGE_MODEL = "language model"
KIND_OF_STAGE = {"emit": EMISSIONS, "decode": HYPOTHESES, "align": ALIGNMENT, "lm": LANGUAGE_MODEL}
SCORE_FILES = (
    *(scores.FIGURES, scores.CLIPS, scores.ALIGNMENT, scores.SIGNERS, scores.LENGTHS),
    *(scores.GLOSSES, scores.CONFUSIONS),
)
KERNEL = ("/proc", "/sys", "/dev")  # file systems that hold no files of users
MEMORY = "/dev/shm"  # but this one does


def check_output(path: Path | None, kind: str = "", *, inputs: Iterable[Path | None] = (), replace: bool) -> None:
    """Refuse a file that cannot be written, or must not be; None is no file.

    Args:
        kind: of artifact that is written, "" for what is none: a table, a picture, a format of others.
        inputs: files that the command reads; folders and what is not there are passed over.
        replace: a file that is there, unless it is one that nothing replaces.

    Raises:
        SlaError: it is a folder, lies in a file, is no regular file or one of `inputs`, is another artifact of sla or
            a part of one, or is there without `replace`.
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
        raise SlaError(f"{path} exists and is of sla ({found}), so that nothing replaces it", "Give it another name.")
    if not replace:
        raise SlaError(f"{path} exists", "Use --force to replace it.")


def is_table(path: Path, columns: Sequence[str]) -> bool:
    """Whether a file begins with this header, as a table that sla wrote before."""
    head = ("\t".join(columns) + "\n").encode()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(head)) == head


def _check_place(path: Path) -> None:
    """Raise SlaError where no file can lie, or where what lies there is no file."""
    if path.is_dir():
        raise SlaError(f"{path} is a folder", "Name a file.")
    nearest = next((parent for parent in path.parents if parent.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise SlaError(f"{path} cannot be written: {nearest} is a file", "Name a folder.")
    real = Path(os.path.realpath(path))
    if os.path.lexists(path) and not real.is_file():
        what = "a link that leads nowhere" if path.is_symlink() and not path.exists() else "no regular file"
        raise SlaError(f"{path} is {what}", "Give it another name.")
    if any(real.is_relative_to(folder) for folder in KERNEL) and not real.is_relative_to(MEMORY):
        raise SlaError(f"{path} cannot be written: the system keeps no files there", "Name another folder.")


def _artifact(path: Path) -> str:
    """What artifact of sla a file is, or of which it is a part; "" where it is none."""
    own = read_receipt(path)
    if own is not None:
        return KIND_OF_STAGE.get(own.stage, own.stage)
    try:
        if kind := file_kind(path):
            return kind
    except FormatError:
        if path.with_name(RECEIPT_NAME).is_file():  # a damaged file of a store, which is not known as one
            return STORE_FILE
    run = Run(path.parent)
    if run.exists and path in run.files:
        return "file of a run"
    if path.name in SCORE_FILES and path.with_name(scores.FIGURES).is_file():
        return "file of a score"
    folder = read_receipt(path.parent)
    return "file of a tuning" if folder is not None and folder.stage == "tune" else ""
