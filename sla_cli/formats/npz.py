"""NumPy's archives, in which unfinished stages keep what is done. They hold checksums, verified when read."""

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
    *(SyntaxError, tokenize.TokenError),  # of an array's header
    RuntimeError,  # of a flag or a way of compression that zipfile does not know
    MemoryError,  # of a shape that cannot be meant
)


class Damaged(Exception):
    """What a file holds is not what was written."""


def read_arrays(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays of a file by name, all of them where none is named.

    The file is read before it is unpacked, since zipfile says "not a zip file" of an error of the file system too.

    Raises:
        OSError: the file system does not give it just now.
        Damaged: it was read, and is damaged.
    """
    content = io.BytesIO(path.read_bytes())
    try:
        with np.load(content) as arrays:
            return [np.asarray(arrays[name]) for name in names or arrays.files]
    except DAMAGE as error:
        raise Damaged(str(error)) from error
