"""NumPy's archives, in which unfinished stages keep what is done: what a damaged one raises."""

from __future__ import annotations

import struct
import tokenize
import zipfile
import zlib

DAMAGE = (
    *(OSError, ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile, zlib.error),
    *(SyntaxError, tokenize.TokenError),  # of an array's header
    RuntimeError,  # of a flag or a way of compression that zipfile does not know
    MemoryError,  # of a shape that cannot be meant
)
