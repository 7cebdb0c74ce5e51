"""Recognises sla's artifacts: folders by the files in them, files by name and first bytes."""

from __future__ import annotations

from pathlib import Path

from sla_cli.artifact.hdf5 import UNREADABLE, open_hdf5
from sla_cli.artifact.receipt import read_receipt
from sla_cli.artifact.text import HDF5, beginning
from sla_cli.errors import FormatError, cannot_read
from sla_cli.store import file as store_file
from sla_cli.store.paths import clips_files, is_begun
from sla_cli.system.regular_file import open_regular
from sla_cli.work import alignment, emissions, hypotheses
from sla_cli.work.folder import UNFINISHED_EXPORT
from sla_cli.work.model_folder import is_model
from sla_cli.work.run import Run
from sla_cli.work.scores import FIGURES
from sla_cli.work.tuning import CHOICE

RECEIPT_NAME = "receipt.json"
# Folders.
STORE = "store"
RUN = "run"
SCORE = "score"
TUNING = "tuning"
EXPORT = "export"
MODEL = "model"
# Files.
STORE_FILE = "file of a store"
EMISSIONS = "emissions"
HYPOTHESES = "hypotheses"
ALIGNMENT = "alignment"
RECEIPT = "receipt"


def kind_of(path: Path) -> str:
    """The kind of a folder or a regular file, "" if it is not from sla. Raises FormatError as `file_kind` does."""
    if not path.is_dir():
        return file_kind(path)
    if clips_files(path):
        return STORE
    if Run(path).exists:
        return RUN
    if is_model(path):
        return MODEL
    if is_begun(path):  # an unfinished store; one in a run or model was begun there by mistake
        return STORE
    for kind, name in ((SCORE, FIGURES), (TUNING, CHOICE), (EXPORT, UNFINISHED_EXPORT)):
        if (path / name).is_file():
            return kind
    receipt = read_receipt(path)
    return EXPORT if receipt is not None and receipt.stage == "export" else ""


def file_kind(path: Path) -> str:
    """The kind of a regular file, "" if it is not from sla.

    Raises:
        FormatError: a damaged HDF5 file, which may be from sla.
    """
    if path.name == RECEIPT_NAME or path.name.endswith(f".{RECEIPT_NAME}"):
        return RECEIPT
    try:
        with open_regular(path) as file:
            head = file.read(64)
    except OSError as error:
        raise cannot_read(path, error) from error
    for magic, kind in ((hypotheses.MAGIC, HYPOTHESES), (alignment.MAGIC, ALIGNMENT)):
        if beginning(head).startswith(magic):
            return kind
    return {store_file.NAME: STORE_FILE, emissions.NAME: EMISSIONS}.get(_hdf5_format(path, head), "")


def _hdf5_format(path: Path, head: bytes) -> str:
    """The format that an HDF5 file names, "" if it names none or is not an HDF5 file."""
    if not head.startswith(HDF5):
        return ""
    try:
        with open_hdf5(path) as file:
            return str(file.attrs.get("format", ""))
    except UNREADABLE as error:
        raise FormatError(f"{path}: a damaged HDF5 file ({error})", "Make it again, or copy it again.") from error
