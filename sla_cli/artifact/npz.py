"""NumPy archives, in which unfinished stages store their progress. They hold checksums, verified when read."""

from __future__ import annotations

import io
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

DAMAGE = (
    *(OSError, ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile, zlib.error),
    *(SyntaxError, tokenize.TokenError),  # from an array's header
    RuntimeError,  # for a flag or a compression method that zipfile does not know
    MemoryError,  # for an impossible shape
)


class Damaged(Exception):
    """The content of a file is not what was written."""


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
        raise Damaged(str(error)) from error
