"""Reads what `torch.save` wrote: tensors and plain values. No code in the file is executed."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import torch

from sla_cli.artifact.pickled import check_pickle

ZIP = b"PK\x03\x04"  # by which PyTorch tells its newer format
OLDER = 5  # pickles in a file of its older format


def load_torch_file(file: BinaryIO) -> Any:
    """The content, on the CPU.

    Raises:
        pickle.UnpicklingError: it has other objects, or a pickle that Python cannot read; also what torch.load and
            zipfile raise for a damaged file.
    """
    size = file.seek(0, io.SEEK_END)
    try:
        for pickled in _pickles(file, size):
            check_pickle(pickled, size)
    except ValueError as error:
        raise pickle.UnpicklingError(str(error)) from error
    file.seek(0)
    return torch.load(file, map_location="cpu", weights_only=True)


def _pickles(file: BinaryIO, size: int) -> Iterator[BinaryIO]:
    """The pickles that torch.load reads, each at its beginning."""
    file.seek(0)
    if file.read(len(ZIP)) == ZIP:
        with zipfile.ZipFile(file) as archive:
            for part in archive.infolist():  # several may have one name, of which PyTorch disregards case
                if part.filename.lower().endswith("data.pkl"):
                    if part.file_size > size:
                        raise pickle.UnpicklingError("its pickle is compressed, which PyTorch never does")
                    yield io.BytesIO(archive.read(part))
        return
    file.seek(0)
    for _ in range(OLDER):
        yield file
