"""Tensors of a TorchScript archive, read without PyTorch's loader, which runs code of the archive while it loads.

An archive is a zip: NAME/data.pkl describes the modules, NAME/data/KEY has the values of a tensor.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sla_cli.artifact.pickled import check_pickle

MARK = "/constants.pkl"  # in every archive; PyTorch disregards case in names
TYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class Part:
    """Stands for every class and function that an archive names: it keeps its arguments and state."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments, self.attributes = arguments, None

    def __setstate__(self, state: Any) -> None:
        self.attributes = state


class View(Part):
    """A tensor, called with its storage, offset, size and stride."""


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive of TorchScript; PyTorch's own checkpoints are zips, too."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.lower().endswith(MARK) for name in archive.namelist())


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """The tensors of an archive by name, as in the state dict of its module, on the CPU.

    Raises:
        ValueError: the archive is damaged, or would need more memory than its size on disk; also KeyError, TypeError,
            RuntimeError, zipfile.BadZipFile and pickle.UnpicklingError for a damaged one.
    """
    with zipfile.ZipFile(path) as archive:
        (name,) = {name[: -len(MARK)] for name in archive.namelist() if name.lower().endswith(MARK)}
        read = [part.file_size for part in archive.infolist() if part.filename.startswith(f"{name}/data")]
        if sum(read) > path.stat().st_size:
            raise ValueError("its tensors are compressed, which PyTorch never does")
        pickled = io.BytesIO(archive.read(f"{name}/data.pkl"))
        check_pickle(pickled, len(pickled.getbuffer()))
        pickled.seek(0)
        return dict(_tensors_of(_Modules(pickled).load(), _Values(archive, name), set()))


class _Modules(pickle.Unpickler):
    """Reads NAME/data.pkl; whatever it names is a Part."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return View
        return TYPES.get(name, Part) if module == "torch" else Part

    def persistent_load(self, pid: Any) -> Any:
        return pid


class _Values:
    """The values in an archive, each read once."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self.archive, self.name = archive, name
        self.flat: dict[str, Tensor] = {}

    def tensor(self, view: View) -> Tensor:
        (_, dtype, key, *_), offset, size, stride, *_ = view.arguments
        if key not in self.flat:
            values = bytearray(self.archive.read(f"{self.name}/data/{key}"))
            self.flat[key] = torch.frombuffer(values, dtype=dtype) if values else torch.empty(0, dtype=dtype)
        return self.flat[key].as_strided(size, stride, offset)


def _tensors_of(module: Any, values: _Values, seen: set[int], prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors of a module and of the modules in it; one that is in several places is taken once."""
    if not isinstance(module, Part) or not isinstance(module.attributes, dict) or id(module) in seen:
        return
    seen.add(id(module))
    for name, value in module.attributes.items():
        if isinstance(value, View):
            yield f"{prefix}{name}", values.tensor(value)
        yield from _tensors_of(value, values, seen, f"{prefix}{name}.")
