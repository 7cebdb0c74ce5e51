"""The texts of an HDF5 file are in global heaps. HDF5 loops forever in a heap whose sizes are damaged, so all heaps
are checked before it reads them (https://github.com/HDFGroup/hdf5/issues/1707)."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from struct import Struct

SIGNATURE = b"GCOL"
# https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, III.E: version and bytes of a collection; number
# (0 is free room) and bytes of an object in it.
COLLECTION, OBJECT = Struct("<4sB3xQ"), Struct("<H6xQ")


def check_heaps(path: Path, skip: Iterable[range]) -> None:
    """Check the global heaps of a file.

    Args:
        skip: ranges of bytes that contain no heaps, such as those of frames, which are large.

    Raises:
        OSError: the file cannot be read.
        ValueError: HDF5 would loop forever in one.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start, stated, end = 0, 0, len(data)
        for skipped in (*sorted(skip, key=lambda place: place.start), range(end, end)):
            stop = min(skipped.start, end)  # a damaged dataset may lie anywhere
            at = data.find(SIGNATURE, start, stop)
            while at >= 0:
                stated += (size := _size(data, at))
                if stated > end:
                    raise ValueError("its heaps of texts overlap, or go beyond its end")
                _check(data[at : at + size])
                at = data.find(SIGNATURE, at + 1, stop)
            start = min(skipped.stop, end)


def _size(data: mmap.mmap, at: int) -> int:
    """Bytes of the collection at a position, 0 if there is only a text that equals its signature."""
    if at + COLLECTION.size > len(data):
        return 0
    _, version, size = COLLECTION.unpack_from(data, at)
    return int(size) if version == 1 else 0


def _check(collection: bytes) -> None:
    """Raise ValueError if an object of a collection has no length."""
    place, end, unpack = COLLECTION.size, len(collection) - OBJECT.size, OBJECT.unpack_from
    while place <= end:
        number, size = unpack(collection, place)
        if not number and not size:
            raise ValueError("a heap of texts in it is damaged")
        place += OBJECT.size + (size + 7 & -8) if number else size
