"""NumPy archives, in which unfinished stages store their progress. They hold checksums, verified when read."""

from __future__ import annotations

import io
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sla_cli.errors import FormatError, cannot_read
from sla_cli.system.atomic import atomic_write

DAMAGE = (
    *(OSError, ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile, zlib.error),
    *(SyntaxError, tokenize.TokenError),  # from an array's header
    TypeError,  # for one array in place of an archive
    RuntimeError,  # for a flag or a compression method that zipfile does not know
    *(MemoryError, OverflowError),  # for an impossible shape
)


class Damaged(Exception):
    """The content of a file is not what was written."""


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], *, flush: bool = True) -> None:
    """Write a file as `atomic_write` does. Raises SlaError if the disk is full."""
    archive = io.BytesIO()  # on a full disk np.savez to a file leaves an open archive that fails again when collected
    np.savez(archive, **arrays)
    with atomic_write(path, flush=flush) as temporary:
        temporary.write_bytes(archive.getbuffer())


def read_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays of a file by name; all of them if none is named.

    The file is read before it is unpacked, because zipfile reports "not a zip file" also for file system errors.

    Raises:
        OSError: the file system cannot read it at the moment.
        Damaged: it was read, and is damaged.
    """
    content = io.BytesIO(path.read_bytes())
    try:
        with np.load(content) as arrays:
            return [np.asarray(arrays[name]) for name in names or arrays.files]
    except DAMAGE as error:
        raise Damaged from error


def read_or_remove(path: Path, *names: str, again: str) -> list[np.ndarray]:
    """Arrays of a file that can be made again, as `read_arrays`; a damaged file is removed.

    Args:
        again: how it is made again, for the message.

    Raises:
        SlaError: it cannot be read.
        FormatError: it was damaged.
    """
    try:
        return read_arrays(path, *names)
    except OSError as error:
        raise cannot_read(path, error) from error
    except Damaged as error:
        path.unlink(missing_ok=True)
        raise FormatError(f"{path} is damaged", again) from error
