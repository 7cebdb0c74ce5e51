"""What our HDF5 files share: a format name, a version, errors that say which stage to run again, and room on disk.

HDF5's own locks are off: many network disks have none, and a file is only ever replaced whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sla_cli.errors import FormatError, SlaError
from sla_cli.formats.hdf5_heap import check_heaps

LONG = ("bytes", "frame_offsets")  # datasets of a store that are most of its file, and hold no texts
TYPES = {h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM}  # what we write; booleans are the last
SLACK = 1 << 20  # bytes that HDF5's own structures may take
UNREADABLE = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)  # of a damaged file, by h5py
SYSTEM_ERROR = re.compile(r"errno = \d+, error message = '([^']*)'")  # as HDF5 quotes the file system


def open_checked(path: Path, name: str, versions: Sequence[int], stage: str) -> h5py.File:
    """An open HDF5 file of format `name` and one of these `versions`.

    Raises:
        SlaError: there is no such file, or the file system does not give it.
        FormatError: it is no HDF5, another format, or another version; the hint names the stage to run again.
    """
    again = f"Make it again with `sla {stage}`."
    try:
        if not path.is_file():
            raise SlaError(f"no such file: {path}", f"`sla {stage}` makes it.")
        # Chunk caches are off: clips are read once, and a cache would read whole chunks for a part.
        file = open_hdf5(path, rdcc_nbytes=0)
        with closed_on_error(file):
            found, number = (file.attrs.get(key) for key in ("format", "version"))
    except UNREADABLE as error:
        _refuse_unread(path, error)
        raise FormatError(f"{path}: not an HDF5 file, or a damaged one ({error})", again) from error
    found = found if isinstance(found, str) else None
    if found == name and isinstance(number, int | np.integer) and number in versions:
        return file
    file.close()
    if found != name:
        raise FormatError(f"{path}: holds {found or 'something else'}, expected {name}", again)
    known = " and ".join(map(str, versions))
    raise FormatError(f"{path}: {name} version {number}, this sla reads version {known}", again)


def open_hdf5(path: Path, **options: int) -> h5py.File:
    """An HDF5 file, open for reading, whose texts can be read. Raises one of UNREADABLE where it is damaged."""
    file = h5py.File(path, "r", locking=False, **options)
    with closed_on_error(file):
        check_heaps(path, [_place(file.get(name)) for name in LONG])
        _check_types(file)
    return file


@contextmanager
def closed_on_error(file: h5py.File) -> Iterator[None]:
    """Close a file that turns out to be damaged.

    HDF5 would take what it remembers of it for the next file of the same inode, and can wait for ever on that.
    """
    try:
        yield
    except BaseException:
        file.close()
        raise


def _check_types(file: h5py.File) -> None:
    """Raise TypeError for an attribute or a dataset of a type that we never write: h5py crashes at some of them."""
    typed = {name: h5py.h5a.open(file.id, name.encode()) for name in file.attrs}
    typed |= {name: found.id for name, found in file.items() if isinstance(found, h5py.Dataset)}
    for name, one in typed.items():
        if one.get_type().get_class() not in TYPES:
            raise TypeError(f"{name} is of a type that is not read")


def _place(dataset: Any) -> range:
    """Where a dataset lies in its file; empty for what is none, or lies in several places."""
    offset = dataset.id.get_offset() if isinstance(dataset, h5py.Dataset) else None
    return range(0) if offset is None else range(offset, offset + dataset.id.get_storage_size())


def is_format(path: Path, name: str) -> bool:
    """Whether a file is HDF5 of format `name`, of any version."""
    try:
        with open_hdf5(path) as file:
            found = file.attrs.get("format")
            return isinstance(found, str) and found == name
    except UNREADABLE:
        return False


@contextmanager
def naming_damage(path: Path, stage: str) -> Iterator[None]:
    """Turn what h5py raises for a missing dataset or a damaged file into a FormatError that names the file.

    Raises SlaError where the file system is at fault.
    """
    try:
        yield
    except UNREADABLE as error:
        _refuse_unread(path, error)
        raise FormatError(f"{path}: damaged or incomplete ({error})", f"Make it again with `sla {stage}`.") from error


def _refuse_unread(path: Path, error: Exception) -> None:
    """Raise SlaError for a file that may not be read, or cannot be just now: it is not damaged."""
    quoted = SYSTEM_ERROR.search(str(error))
    reason = quoted[1] if quoted else error.strerror if isinstance(error, OSError) and error.errno else ""
    if reason:
        raise SlaError(f"cannot read {path}: {reason}", "It need not be damaged: see that it can be read.") from error


@contextmanager
def create(path: Path, size: int) -> Iterator[h5py.File]:
    """A new HDF5 file with `size` bytes of the disk claimed for it; what it does not use is given back.

    A full disk is met before HDF5 writes, as a plain OSError: inside HDF5 it crashes the process.
    """
    path.touch()
    claim(path, size)
    with h5py.File(path, "w", locking=False) as file:
        claim(path, size)  # opening gave the first claim back
        yield file
        file.flush()
        used = file.id.get_filesize()
    os.truncate(path, used)


def claim(path: Path, size: int) -> None:
    """Make sure that a file can grow to `size` bytes and SLACK more. Raises OSError where the disk is full."""
    if hasattr(os, "posix_fallocate"):  # macOS has none
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size + SLACK)


def whole_numbers(file: h5py.File, name: str) -> np.ndarray:
    """A dataset of whole numbers, one-dimensional. Raises ValueError for another one."""
    values = np.asarray(file[name])
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} are no whole numbers but {values.dtype} {values.shape}")
    return values


def check_offsets(values: np.ndarray, name: str, end: int) -> None:
    """Raise ValueError for offsets that do not divide 0 to `end` into parts, one after the other."""
    if not len(values) or values[0] != 0 or values[-1] != end or (values[1:] < values[:-1]).any():
        raise ValueError(f"{name} that do not divide {end} from beginning to end")


def rates(file: h5py.File, name: str) -> np.ndarray:
    """A dataset of frame rates, 0 where unknown. Raises ValueError for another one."""
    values = np.asarray(file[name])
    if values.ndim != 1 or values.dtype.kind not in "iuf" or not (np.isfinite(values) & (values >= 0)).all():
        raise ValueError(f"{name} are no frame rates")
    return values


def text_of(value: object) -> str:
    """An attribute that is a text. Raises UnicodeEncodeError, a ValueError, for bytes that are no UTF-8."""
    text = str(value)
    text.encode()
    return text


def strings(file: h5py.File, name: str) -> list[str]:
    """A dataset of UTF-8 strings."""
    return list(map(bytes.decode, file[name][:].tolist()))  # asstr() takes twice the time


def write_strings(file: h5py.File, name: str, values: list[str]) -> None:
    """A dataset of UTF-8 strings; ids and glosses are data here, never HDF5 names, since `/` would nest."""
    file.create_dataset(name, data=values, shape=(len(values),), dtype=h5py.string_dtype("utf-8"))
