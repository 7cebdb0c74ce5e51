"""Common to sla's HDF5 files: format name, version, errors that name the stage to run again, reserved disk space.

The locks of HDF5 are off: many network disks have no locks, and files are only replaced as a whole.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sla_cli.artifact.hdf5_heap import check_heaps
from sla_cli.artifact.version import check_version
from sla_cli.config.bounds import RATES
from sla_cli.errors import FormatError, SlaError
from sla_cli.system.file_identity import identity

LONG = ("bytes", "frame_offsets")  # the largest datasets of a store, which hold no texts
TYPES = {h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM}  # those that sla writes; booleans are ENUM
LAYOUTS = {h5py.h5d.COMPACT, h5py.h5d.CONTIGUOUS, h5py.h5d.CHUNKED}  # in the file itself
LZF = 100  # times that compressed values are larger than in the file; LZF needs 3 bytes for at most 264
SLACK = 1 << 20  # bytes that HDF5's own structures may need
UNREADABLE = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)  # by h5py, for a damaged file
SYSTEM_ERROR = re.compile(r"errno = (\d+), error message = '([^']*)'")  # how HDF5 quotes an error of the file system


def open_checked(path: Path, name: str, version: int, command: str) -> h5py.File:
    """An open HDF5 file of format `name`, of this version or another one that is read.

    Raises:
        SlaError: the file does not exist, the file system cannot read it, or another command replaces it meanwhile.
        FormatError: it is not HDF5, another format, or another version; the hint names the command to run again.
    """
    again, another = f"Make it again with {command}.", f"Name another file, or make it again with {command}."
    before = identity(path)
    try:
        if not path.is_file():
            raise SlaError(f"no such file: {path}", f"{command} makes it.")
        # Chunk caches are off: clips are read once, and a cache would read whole chunks for a part of one.
        file = open_hdf5(path, rdcc_nbytes=0)
        with closed_on_error(file):
            stated = file.attrs.get("format")
            found = stated if isinstance(stated, str) and stated else "something else"
            if found != name:
                raise FormatError(f"{path} holds {found}, expected {name}", another)
            check_version(path, name, version, file.attrs.get("version"), again)
            if odd := [part for part, one in file.items() if getattr(one, "shape", None) is None]:
                raise ValueError(f"{odd[0]} is no dataset with values")
    except UNREADABLE as error:
        _refuse_unread(path, error)
        if identity(path) != before:  # its size, and what is opened by name, are of another file
            raise replaced(path) from error
        raise FormatError(f"{path}: not an HDF5 file, or a damaged one ({error})", another) from error
    return file


def open_hdf5(path: Path, **options: int) -> h5py.File:
    """An HDF5 file, open for reading, that has all its data in itself. Raises one of UNREADABLE if it is damaged."""
    file = h5py.File(path, "r", locking=False, **options)
    with closed_on_error(file):
        datasets = _datasets(file)
        check_heaps(path, [_place(datasets[name]) for name in LONG if name in datasets])
        _check_types(file, datasets)
        _check_sizes(datasets, path.stat().st_size)
    return file


@contextmanager
def closed_on_error(file: h5py.File) -> Iterator[None]:
    """Close a file that turns out to be damaged.

    Otherwise HDF5 would use its cached data for the next file with the same inode, and could wait forever.
    """
    try:
        yield
    except BaseException:
        file.close()
        raise


def _datasets(file: h5py.File) -> dict[str, h5py.Dataset]:
    """The datasets of a file by name. Raises ValueError for a link, and for values in another file."""
    if linked := [name for name in file if not isinstance(file.get(name, getlink=True), h5py.HardLink)]:
        raise ValueError(f"{linked[0]} is a link")
    found = {name: one for name, one in file.items() if isinstance(one, h5py.Dataset) and one.shape is not None}
    for name, one in found.items():
        properties = one.id.get_create_plist()
        if properties.get_layout() not in LAYOUTS or properties.get_external_count():
            raise ValueError(f"{name} is stored in another file")
    return found


def _check_sizes(datasets: Mapping[str, h5py.Dataset], most: int) -> None:
    """Raise ValueError for a dataset that states more values than are in the file."""
    for name, one in datasets.items():
        stated = one.size * one.id.get_type().get_size()
        times = LZF if one.id.get_create_plist().get_nfilters() else 1
        if stated > times * min(one.id.get_storage_size(), most):
            raise ValueError(f"{name} states {stated:,} bytes, which are not all in the file")


def _check_types(file: h5py.File, datasets: Mapping[str, h5py.Dataset]) -> None:
    """Raise TypeError for an attribute or a dataset of a type that sla never writes: h5py crashes on some of them."""
    typed = {name: h5py.h5a.open(file.id, name.encode()) for name in file.attrs}
    typed |= {name: one.id for name, one in datasets.items()}
    for name, one in typed.items():
        if one.get_type().get_class() not in TYPES:
            raise TypeError(f"{name} has a type that is not read")


def _place(dataset: h5py.Dataset) -> range:
    """Where a dataset is in its file; empty if it is in several places."""
    offset = dataset.id.get_offset()
    return range(0) if offset is None else range(offset, offset + dataset.id.get_storage_size())


@contextmanager
def naming_damage(path: Path, command: str) -> Iterator[None]:
    """Turn the errors of h5py for a missing dataset or a damaged file into a FormatError that names the file.

    Raises SlaError if the file system is at fault.
    """
    try:
        yield
    except UNREADABLE as error:
        _refuse_unread(path, error)
        lacks = isinstance(error, KeyError)
        what = f", or made by an earlier sla ({error.args[0]})" if lacks else f" ({error})"
        raise FormatError(f"{path}: damaged or incomplete{what}", f"Make it again with {command}.") from error


def _refuse_unread(path: Path, error: Exception) -> None:
    """Raise SlaError if the file system cannot read the file, perhaps only at the moment: it may be undamaged."""
    quoted = SYSTEM_ERROR.search(str(error))
    reason = quoted[2] if quoted else error.strerror if isinstance(error, OSError) and error.errno else ""
    if reason:
        raise SlaError(f"cannot read {path}: {reason}", "It may be undamaged: check disk and permissions.") from error


def replaced(path: Path) -> SlaError:
    """Says that a file or store has another content than when it was opened first."""
    return SlaError(f"{path} was replaced by another command while it was read", "Run the command again.")


@contextmanager
def create(path: Path, size: int) -> Iterator[h5py.File]:
    """A new HDF5 file with `size` bytes reserved on the disk; what it does not use is released.

    A full disk is then detected before HDF5 writes, as an OSError: inside HDF5 it would crash the process.

    HDF5 also writes when Python deletes a dataset, where Python only prints an exception, also that of Ctrl-C, and
    would go on with a file that lacks values: it is raised at the end.
    """
    path.touch()
    claim(path, size)
    with _disk_errors(), h5py.File(path, "w", locking=False) as file:
        claim(path, size)  # opening the file released the first reservation
        yield file
        file.flush()
        used = file.id.get_filesize()
    os.truncate(path, used)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Raise an error of the file system in HDF5 as OSError, and at the end what Python would only have printed."""
    came: list[BaseException] = []
    before = sys.unraisablehook

    def keep(met: sys.UnraisableHookArgs) -> None:
        if isinstance(met.exc_value, OSError | RuntimeError | KeyboardInterrupt):
            came.append(met.exc_value)
        else:
            before(met)

    sys.unraisablehook = keep
    try:
        yield
        if came:
            raise came[0]
    except (OSError, RuntimeError) as error:
        # Closing the file after an error may raise another one, which says less.
        if quoted := SYSTEM_ERROR.search(f"{error} {error.__context__} {came}"):
            raise OSError(int(quoted[1]), quoted[2]) from error
        raise
    finally:
        sys.unraisablehook = before


def claim(path: Path, size: int) -> None:
    """Make sure that a file can grow to `size` bytes and SLACK more. Raises OSError if the disk is full."""
    if hasattr(os, "posix_fallocate"):  # macOS has no such function
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size + SLACK)


def whole_numbers(file: h5py.File, name: str) -> np.ndarray:
    """A dataset of whole numbers, one-dimensional. Raises ValueError for another one."""
    values = np.asarray(file[name])
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} are not whole numbers but {values.dtype} {values.shape}")
    return values


def check_offsets(values: np.ndarray, name: str, end: int) -> None:
    """Raise ValueError for offsets that do not divide 0 to `end` into consecutive parts."""
    if not len(values) or values[0] != 0 or values[-1] != end or (values[1:] < values[:-1]).any():
        raise ValueError(f"{name} do not divide 0 to {end} into parts")


def rates(file: h5py.File, name: str) -> np.ndarray:
    """A dataset of frame rates, 0 if unknown. Raises ValueError for another one."""
    values = np.asarray(file[name])
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise ValueError(f"{name} are not frame rates")
    known = values[values != 0]
    if not ((known >= RATES[0]) & (known <= RATES[1])).all():
        raise ValueError(f"{name} are not frame rates")
    return values


def attributes(file: h5py.File) -> dict[str, Any]:
    """All attributes, as Python's own numbers and texts where they are single ones.

    Raises UnicodeEncodeError, a ValueError, for bytes that are not UTF-8.
    """
    found = {name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()}
    for value in found.values():
        if isinstance(value, str):
            value.encode()
    return found


def strings(file: h5py.File, name: str) -> list[str]:
    """A dataset of UTF-8 strings. Raises ValueError for other values."""
    values = file[name][:].tolist()
    try:
        return list(map(bytes.decode, values))  # asstr() takes twice as long
    except (TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} are not texts in UTF-8") from error


def write_strings(file: h5py.File, name: str, values: list[str]) -> None:
    """A dataset of UTF-8 strings; ids and glosses are data here, never HDF5 names, since `/` would nest."""
    file.create_dataset(name, data=values, shape=(len(values),), dtype=h5py.string_dtype("utf-8"))
