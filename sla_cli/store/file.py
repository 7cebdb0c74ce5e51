"""One HDF5 file of a store: all clips, or a shard of them. docs/formats.md is the specification.

The encoded frames are in one flat contiguous array; `frame_offsets` divides it into frames and `clip_offsets` divides
the frames into clips. Glosses are stored twice: as annotated, and cleaned for training.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sized
from dataclasses import asdict, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from sla_cli.artifact.hdf5 import (
    attributes,
    check_offsets,
    closed_on_error,
    naming_damage,
    open_checked,
    rates,
    replaced,
    strings,
    whole_numbers,
)
from sla_cli.config.checks import read_values
from sla_cli.core.clip import Times
from sla_cli.errors import FormatError, some
from sla_cli.store.content import NUMBERS, TEXTS, EncodedClip, EncodedFrames, StoreHeader, file_digest, times_of

NAME, VERSION = "sla-store", 1
T = TypeVar("T", bound=Sized)
# Without --force a store with a valid receipt counts as up to date.
REMAKE = "`sla prep --force` or `sla merge --force`"
AGAIN = "Run the `sla prep` or `sla merge` command that made it again, with --force."
PIECE = 16 << 20  # bytes of a clip that are verified at a time


def _column(name: str, read: Callable[[StoreFile, str], T]) -> cached_property[T]:
    """A dataset of a file with a value per clip, verified and read when it is needed."""

    def column(file: StoreFile) -> T:
        file.check()
        with naming_damage(file.path, REMAKE):
            found = read(file, name)
            if len(found) != len(file.ids):
                raise ValueError(f"{len(found)} {name} for {len(file.ids)} clips")
            return found

    return cached_property(column)


def _strings(file: StoreFile, name: str) -> list[str]:
    """Data that was read for verification is not read again; another thread may have taken it."""
    texts = file.verified.pop(name, None)
    return strings(file.file, name) if texts is None else texts


def _glosses(file: StoreFile, name: str) -> list[tuple[str, ...]]:
    return [tuple(text.split()) for text in _strings(file, name)]


def _times(file: StoreFile, name: str) -> list[Times]:
    return [times_of(text) for text in _strings(file, name)]


def _squared_errors(file: StoreFile, name: str) -> np.ndarray:
    values = np.asarray(file.file[name])
    if values.dtype.kind not in "iuf" or not ((values >= 0) & np.isfinite(values)).all():
        raise ValueError(f"{name} are not mean squared errors")
    return values


def _dataset(read: Callable[[h5py.File, str], T]) -> Callable[[StoreFile, str], T]:
    return lambda file, name: read(file.file, name)


class StoreFile:
    """The content of one file; frames and the columns of clips are read when they are needed.

    Attributes:
        ids, signers, glosses, raw_glosses, translations, sources, stamps, notes, times, clip_fps, squared_errors,
            checksums: one per clip. clip_fps and squared_errors are float64 (clips,), checksums uint32 (clips,).
        lengths: frames of each clip.
        clip_offsets, frame_offsets: int64 (clips + 1,) and (frames + 1,), as in docs/formats.md.
        digest: of everything but the frames, as the file states it.

    A file is opened once in each process, since an HDF5 handle survives neither fork nor pickle, and stays open as long
    as this object exists.
    """

    version: int
    header: StoreHeader
    ids: list[str]

    signers: cached_property[list[str]] = _column("signers", _strings)
    glosses: cached_property[list[tuple[str, ...]]] = _column("glosses", _glosses)
    raw_glosses: cached_property[list[tuple[str, ...]]] = _column("raw_glosses", _glosses)
    translations: cached_property[list[str]] = _column("translations", _strings)
    sources: cached_property[list[str]] = _column("sources", _strings)
    stamps: cached_property[list[str]] = _column("stamps", _strings)
    notes: cached_property[list[str]] = _column("notes", _strings)
    times: cached_property[list[Times]] = _column("times", _times)
    clip_fps: cached_property[np.ndarray] = _column("clip_fps", _dataset(rates))
    squared_errors: cached_property[np.ndarray] = _column("squared_errors", _squared_errors)
    checksums: cached_property[np.ndarray] = _column("checksums", _dataset(whole_numbers))

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = open_checked(path, NAME, VERSION, REMAKE)
        self._pid = os.getpid()
        self._checked = False
        self.verified: dict[str, list[str]] = {}  # texts that were read, but are not yet in a column
        self._good: set[int] = set()  # clips whose frames were verified
        with naming_damage(path, REMAKE), closed_on_error(self.file):
            file = self.file
            self.version = int(file.attrs["version"])
            if missing := {"bytes", *TEXTS, *NUMBERS} - set(file):
                raise KeyError(f"no {some(sorted(missing))}")
            self.header = _header(file)
            self.digest = str(file.attrs["digest"])
            self.ids = strings(file, "ids")
            self.frame_offsets = whole_numbers(file, "frame_offsets")
            self.clip_offsets = whole_numbers(file, "clip_offsets")
            check_offsets(self.frame_offsets, "frame_offsets", len(file["bytes"]))
            check_offsets(self.clip_offsets, "clip_offsets", len(self.frame_offsets) - 1)
            if len(self.clip_offsets) != len(self.ids) + 1:
                raise ValueError(f"{len(self.clip_offsets)} clip_offsets for {len(self.ids)} clips")
        self.lengths: list[int] = np.diff(self.clip_offsets).tolist()

    @property
    def file(self) -> h5py.File:
        """The open HDF5 file of this process."""
        if self._file is None or self._pid != os.getpid():
            file = open_checked(self.path, NAME, VERSION, REMAKE)
            with closed_on_error(file):
                if str(file.attrs.get("digest")) != self.digest:
                    raise replaced(self.path)
            self._file, self._pid = file, os.getpid()
        return self._file

    def check(self) -> None:
        """Verify everything except the frames, once; not when the file is opened, as this reads all texts.

        Raises FormatError if the file is damaged.
        """
        if self._checked:
            return
        with naming_damage(self.path, REMAKE):
            texts = {name: strings(self.file, name) for name in TEXTS if name != "ids"}
            offsets = {"clip_offsets": self.clip_offsets, "frame_offsets": self.frame_offsets}
            numbers = offsets | {name: self.file[name][:] for name in NUMBERS if name not in offsets}
            found = file_digest(asdict(self.header), {"ids": self.ids, **texts}, numbers)
        if found != self.digest:
            raise FormatError(
                f"{self.path} is damaged: ids, glosses or other facts are not as they were written", AGAIN
            )
        self._checked, self.verified = True, texts

    @cached_property
    def clip_bytes(self) -> np.ndarray:
        """Bytes of each clip's frames, int64 (clips,)."""
        return np.diff(self.frame_offsets[self.clip_offsets])

    def encoded(self, index: int, wanted: slice = slice(None)) -> list[np.ndarray]:
        """Bytes of the given frames of a clip, each uint8 (bytes,).

        A clip is verified each time if all of it is read, and only the first time if parts are read.

        Raises:
            FormatError: the clip's bytes are damaged.
        """
        start, stop, step = wanted.indices(self.lengths[index])
        if step != 1:
            raise ValueError("a slice of frames must have a step of 1")
        first = int(self.clip_offsets[index])
        of_clip = self.frame_offsets[first : first + self.lengths[index] + 1]
        offsets = of_clip[start : max(start, stop) + 1]
        data = self.file["bytes"][offsets[0] : offsets[-1]]
        if len(offsets) == len(of_clip):
            self._compare(index, zlib.crc32(data))
        elif index not in self._good:
            self.verify(index)
        return [data[begin:end] for begin, end in pairwise((offsets - offsets[0]).tolist())]

    def verify(self, index: int) -> None:
        """Read a clip's bytes, in pieces: it may be an hour of signing. Raises FormatError if they are damaged."""
        start, end = self.frame_offsets[self.clip_offsets[index : index + 2]].tolist()
        found = 0
        for begin in range(start, end, PIECE):
            found = zlib.crc32(self.file["bytes"][begin : min(begin + PIECE, end)], found)
        self._compare(index, found)

    def _compare(self, index: int, checksum: int) -> None:
        if checksum != self.checksums[index]:
            hint = f"{AGAIN} `sla check --deep` lists all damaged clips."
            raise FormatError(f"{self.path}: clip {self.ids[index]} is damaged: its checksum differs", hint)
        self._good.add(index)

    def raw(self, index: int) -> EncodedClip:
        """A clip as it was written. Raises FormatError if its bytes or its facts are damaged."""
        parts = self.encoded(index)
        frames = EncodedFrames(
            np.concatenate(parts) if parts else np.empty(0, np.uint8),
            np.array([len(part) for part in parts], np.int64),
            float(self.clip_fps[index]),
            float(self.squared_errors[index]),
            self.notes[index],
        )
        return EncodedClip(
            self.ids[index],
            self.signers[index],
            self.glosses[index],
            frames,
            self.raw_glosses[index],
            self.translations[index],
            self.sources[index],
            self.stamps[index],
            self.times[index],
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_pid": -1, "verified": {}}


def _header(file: h5py.File) -> StoreHeader:
    found = attributes(file)
    facts = {field.name: found[field.name] for field in fields(StoreHeader)}
    return read_values(StoreHeader, facts, file.filename, AGAIN)
