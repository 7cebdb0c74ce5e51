"""Which files a command may overwrite: the rule of every --output.

Replaced is only a file of the kind that the command writes, or an empty one, and only if the caller says so: --force
means "again". An input of the command, anything but a regular file, and every other file are never replaced.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sla_cli.artifact.receipt import read_receipt, read_receipt_file, receipt_of_file
from sla_cli.core.endings import other_ending
from sla_cli.errors import FormatError, ReadError, SlaError
from sla_cli.store.paths import clips_files
from sla_cli.system.atomic import HINTS, LONGEST_NAME, Check, refuse_read_only
from sla_cli.work import scores
from sla_cli.work.hub import refuse_address
from sla_cli.work.kind import (
    ALIGNMENT,
    EMISSIONS,
    HYPOTHESES,
    MODEL,
    RECEIPT_NAME,
    RUN,
    SCORE,
    STORE,
    STORE_FILE,
    TUNING,
    file_kind,
    kind_of,
)
from sla_cli.work.like import Like, begins
from sla_cli.work.model_folder import is_model
from sla_cli.work.run import Run

LANGUAGE_MODEL = "language model"
ENDINGS = {
    EMISSIONS: (".h5", ".hdf5"),
    HYPOTHESES: (".tsv", ".txt"),
    ALIGNMENT: (".tsv", ".txt"),
    LANGUAGE_MODEL: (".arpa", ".txt"),
}
ARPA = b"\\data\\\n"  # the first line of such a model
KIND_OF_STAGE = {"emit": EMISSIONS, "decode": HYPOTHESES, "align": ALIGNMENT, "lm": LANGUAGE_MODEL}
FOLDER_STAGES = {"score": SCORE, "tune": TUNING}
SCORE_FILES = (
    *(scores.FIGURES, scores.CLIPS, scores.ALIGNMENT, scores.SIGNERS, scores.LENGTHS),
    *(scores.GLOSSES, scores.CONFUSIONS),
)
KERNEL = ("/proc", "/sys", "/dev")  # file systems that are not for user files
MEMORY = "/dev/shm"  # but this one does


def check_output(path: Path | None, kind: str | Like, *, inputs: Iterable[Path | None] = (), replace: bool) -> Check:
    """Refuse a file that cannot or must not be written; None means no file.

    Args:
        kind: what is written: a kind of artifact, or another kind of file.
        inputs: files that the command reads; folders and missing files are ignored.
        replace: replace an existing file of this kind.

    Returns:
        The same check, to be called again just before the file gets its name: see `atomic_write`.

    Raises:
        SlaError: it is a folder, its parent is a file, it is not a regular file, is one of `inputs`, is of another
            kind, has the ending of another kind, or exists without `replace`.
    """
    given = tuple(inputs)
    _check(path, kind, given, replace)
    return lambda _: _check(path, kind, given, replace)


def _check(path: Path | None, kind: str | Like, inputs: tuple[Path | None, ...], replace: bool) -> None:
    """As `check_output`."""
    if path is None:
        return
    _check_place(path)
    if not path.exists():
        check_folder(path.parent)
        if os.path.lexists(receipt := receipt_of_file(path)):
            read_receipt_file(receipt)  # raises for a file of somebody where the receipt will be
        _check_ending(path, kind)
        return
    if any(other is not None and other.is_file() and path.samefile(other) for other in inputs):
        raise SlaError(f"{path} would replace an input of the command", "Give it another name.")
    found = _artifact(Path(os.path.realpath(path)))
    if found and found != kind:
        raise SlaError(f"{path} is an artifact of sla ({found}) and is never replaced", "Give it another name.")
    if path.stat().st_size and not (kind.fits(path) if isinstance(kind, Like) else found == kind):
        name = kind.name if isinstance(kind, Like) else f"a file of the kind {kind!r}"
        raise SlaError(f"{path} is not {name}, and is not replaced", "Give it another name, or remove it first.")
    _check_ending(path, kind)
    if not replace:
        raise SlaError(f"{path} exists", "Use --force to replace it.")
    refuse_read_only(path)


def _check_ending(path: Path, kind: str | Like) -> None:
    """Raise SlaError for a name by which other programs would take the file for something else."""
    endings = kind.endings if isinstance(kind, Like) else ENDINGS[kind]
    if endings and (other := other_ending(path, endings)):
        hint = f"Let it end in {endings[0]}, or choose another --format if the command has one."
        raise SlaError(f"{path} would not hold what its ending {other} promises", hint)


def check_folder(folder: Path) -> None:
    """Raise SlaError for the folder of an artifact of sla, and for one below it, however deep; and for what cannot be a
    folder.

    No other files belong there. Below an export is allowed: others may work in their copy of a corpus.
    """
    refuse_as_folder(folder)
    places = (folder, *folder.parents)
    nearest = next((place for place in places if os.path.exists(place)), None)  # noqa: PTH110  # Path.exists may raise
    if nearest is not None and not nearest.is_dir():
        what = "a file" if nearest.is_file() else "not a folder"
        raise SlaError(f"{nearest} is {what}, and {folder} is to be a folder", "Move it, or name another folder.")
    real = Path(os.path.realpath(folder))
    for place in (real, *real.parents):
        with suppress(FormatError, ReadError):  # a receipt of another program, or user
            if found := kind_of(place) if place == real and real.is_dir() else _around(place):
                fault = f"{place} is an artifact of sla ({found}), into which nothing else is written"
                raise SlaError(fault, "Name another folder.")


def refuse_as_folder(folder: Path) -> None:
    """Raise SlaError for a folder that cannot be made.

    It or one above it leads nowhere, or a new one has the ending of a file.
    """
    refuse_address(folder)
    if (ending := other_ending(folder, ())) and not os.path.lexists(folder):
        raise SlaError(
            f"{folder} would be no file, as its ending {ending} promises", "Name a folder without an ending."
        )
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            raise SlaError(f"{place} is a link that leads nowhere", "Make its folder, or name another one.")
        if place.name == ".." and not os.path.exists(place):  # noqa: PTH110  # Path.exists may raise
            # Made, it would lead to a folder that no check has looked into.
            raise SlaError(f"{folder} leads over {place.parent}, which does not exist", "Leave both out of the path.")


def _around(folder: Path) -> str:
    """The kind of artifact that a folder is, "" if it is none, or an export. Raises FormatError as `read_receipt`."""
    kinds = ((STORE, bool(clips_files(folder))), (RUN, Run(folder).exists), (MODEL, is_model(folder)))
    if found := next((kind for kind, there in kinds if there), ""):
        return found
    receipt = read_receipt(folder)
    return FOLDER_STAGES.get(receipt.stage, "") if receipt is not None else ""


def _check_place(path: Path) -> None:
    """Raise SlaError if no file can be at this path, or if what exists there is not a file."""
    if len(os.fsencode(path.name)) > LONGEST_NAME:
        raise SlaError(f"the name {path.name[:60]}… has more than {LONGEST_NAME} bytes", HINTS[errno.ENAMETOOLONG])
    if path.is_dir():
        raise SlaError(f"{path} is a folder", "Name a file.")
    nearest = next((parent for parent in path.parents if parent.exists()), None)
    if nearest is not None and not nearest.is_dir():
        raise SlaError(f"{path} cannot be written: {nearest} is a file", "Move it, or name a file elsewhere.")
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
    if begins(path, len(ARPA)) == ARPA:
        return LANGUAGE_MODEL
    if is_model(path.parent):
        return "file of a model"
    run = Run(path.parent)
    if run.exists and path in run.files:
        return "file of a run"
    if path.name in SCORE_FILES and path.with_name(scores.FIGURES).is_file():
        return "file of a score"
    folder = read_receipt(path.parent)
    return "file of a tuning" if folder is not None and folder.stage == "tune" else ""
