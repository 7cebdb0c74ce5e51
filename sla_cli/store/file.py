"""One HDF5 file of a store: a split, or a shard of one. docs/formats.md is the specification.

The encoded frames are in one flat contiguous array; `frame_offsets` divides it into frames and `clip_offsets` divides
the frames into clips. Glosses are stored twice: as annotated, and cleaned for training. A clip's frames may also be in
a file of another store, which several divisions of one corpus then share.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sized
from dataclasses import fields, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from sla_cli.artifact.hdf5 import (
    check_offsets,
    closed_on_error,
    naming_damage,
    open_checked,
    rates,
    strings,
    text_of,
    whole_numbers,
)
from sla_cli.artifact.json_file import check_types, parse_json
from sla_cli.artifact.legacy import STORE_1, preset_of, profile_of, unseen_of
from sla_cli.config.bounds import PIXELS
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.store.content import Encoded, SplitHeader
from sla_cli.store.digest import LATER, TEXTS, damage

NAME, VERSION = "sla-store", 2
SHARING = 3  # version of a file that uses frames of others
READS = (1, VERSION, SHARING)
T = TypeVar("T", bound=Sized)
REMAKE = "prep --force"  # without --force a store with a valid receipt counts as up to date
AGAIN = "Run the `sla prep` or `sla merge` command that made it again, with --force."
PIECE = 16 << 20  # bytes of a clip that are verified at a time
DATASETS = (*TEXTS, "bytes", "frame_offsets", "clip_offsets", "checksums", "clip_fps", "squared_errors", "vocabulary")
SINCE_2 = {"raw_glosses", "translations", "sources", "clip_fps", "squared_errors"}  # datasets that version 1 lacks


def _column(
    name: str, read: Callable[[StoreFile, str], T], before: Callable[[StoreFile], T] | None = None
) -> cached_property[T]:
    """A dataset of a file, verified and read when it is needed; `before` gives the value for files that lack it."""

    def column(file: StoreFile) -> T:
        file.check()
        with naming_damage(file.path, REMAKE):
            if before is not None and name not in file.file:
                return before(file)
            found = read(file, name)
            if len(found) != len(file.ids):
                raise ValueError(f"{len(found)} {name} for {len(file.ids)} clips")
            return found

    return cached_property(column)


def _strings(file: StoreFile, name: str) -> list[str]:
    """Data that was read for verification is not read again."""
    return file.verified.pop(name) if name in file.verified else strings(file.file, name)


def _glosses(file: StoreFile, name: str) -> list[tuple[str, ...]]:
    return [tuple(text.split()) for text in _strings(file, name)]


def _dataset(read: Callable[[h5py.File, str], T]) -> Callable[[StoreFile, str], T]:
    return lambda file, name: read(file.file, name)


class StoreFile:
    """The content of one file; frames and the columns of clips are read when they are needed.

    Attributes:
        ids, signers, glosses, raw_glosses, translations, sources, stamps, notes, clip_fps, squared_errors, checksums:
            one per clip. clip_fps and squared_errors are float64 (clips,), checksums uint32 (clips,).
        lengths: frames of each clip.
        clip_offsets, frame_offsets: int64 (clips + 1,) and (own frames + 1,), as in docs/formats.md.
        frame_file, frame_clip: int64 (clips,): which file of another store holds the frames, and the clip's number
            there; -1 if they are in this file.

    In version 1, squared errors are unknown: NaN. A file is opened once in each process, since an HDF5 handle survives
    neither fork nor pickle, and stays open as long as this object exists.
    """

    version: int
    header: SplitHeader
    ids: list[str]

    signers: cached_property[list[str]] = _column("signers", _strings)
    glosses: cached_property[list[tuple[str, ...]]] = _column("glosses", _glosses)
    raw_glosses: cached_property[list[tuple[str, ...]]] = _column("raw_glosses", _glosses, lambda file: file.glosses)
    translations: cached_property[list[str]] = _column("translations", _strings, lambda file: [""] * len(file.ids))
    sources: cached_property[list[str]] = _column("sources", _strings, lambda file: [""] * len(file.ids))
    clip_fps: cached_property[np.ndarray] = _column(
        "clip_fps", _dataset(rates), lambda file: np.full(len(file.ids), file.header.fps)
    )
    stamps: cached_property[list[str]] = _column("stamps", _strings, lambda file: [""] * len(file.ids))
    notes: cached_property[list[str]] = _column("notes", _strings, lambda file: [""] * len(file.ids))
    frame_file: cached_property[np.ndarray] = _column(
        "frame_file", _dataset(whole_numbers), lambda file: np.full(len(file.ids), -1)
    )
    frame_clip: cached_property[np.ndarray] = _column(
        "frame_clip", _dataset(whole_numbers), lambda file: np.full(len(file.ids), -1)
    )
    squared_errors: cached_property[np.ndarray] = _column(
        "squared_errors",
        _dataset(lambda file, name: np.asarray(file[name])),
        lambda file: np.full(len(file.ids), np.nan),
    )
    checksums: cached_property[np.ndarray] = _column("checksums", _dataset(whole_numbers))

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = open_checked(path, NAME, READS, REMAKE)
        self._pid = os.getpid()
        self._checked = False
        self.verified: dict[str, list[str]] = {}  # texts that were read, but are not yet in a column
        self._good: set[int] = set()  # clips whose frames were verified
        with naming_damage(path, REMAKE), closed_on_error(self.file):
            file = self.file
            self.version = int(file.attrs["version"])
            if missing := set(DATASETS) - set(file) - (SINCE_2 if self.version == 1 else set()):
                raise KeyError(f"no {some(sorted(missing))}")
            self.header = _header(file)
            self.digest = str(file.attrs["digest"])
            others = parse_json(str(file.attrs.get("frames_from", "[]")), str(path), REMAKE)
            folder = path.parent.resolve()  # with a link, `..` would lead elsewhere
            self.frames_from = [Path(os.path.normpath(folder / name)) for name in others]
            self.ids = strings(file, "ids")
            self.frame_offsets = whole_numbers(file, "frame_offsets")
            self.clip_offsets = whole_numbers(file, "clip_offsets")
            frames = len(self.frame_offsets) - 1 if not self.frames_from else int(self.clip_offsets[-1:].sum())
            check_offsets(self.frame_offsets, "frame_offsets", len(file["bytes"]))
            check_offsets(self.clip_offsets, "clip_offsets", frames)
            if len(self.clip_offsets) != len(self.ids) + 1:
                raise ValueError(f"{len(self.clip_offsets)} clip_offsets for {len(self.ids)} clips")
        self.lengths: list[int] = np.diff(self.clip_offsets).tolist()

    @property
    def file(self) -> h5py.File:
        """The open HDF5 file of this process."""
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = open_checked(self.path, NAME, READS, REMAKE), os.getpid()
        return self._file

    def check(self) -> None:
        """Verify everything except the frames, once; not when the file is opened, as this reads all texts.

        Raises FormatError if the file is damaged.
        """
        if self._checked:
            return
        with naming_damage(self.path, REMAKE):
            texts = {name: strings(self.file, name) for name in (*TEXTS, *LATER) if name in self.file and name != "ids"}
            offsets = {"clip_offsets": self.clip_offsets, "frame_offsets": self.frame_offsets}
            found = damage(self.file, {"ids": self.ids, **texts}, offsets)
        if found:
            raise FormatError(f"{self.path} is damaged: {found} are not as they were written", AGAIN)
        self._checked, self.verified = True, texts

    @cached_property
    def _lenders(self) -> list[StoreFile]:
        """The files of other stores that hold frames of this file's clips. Raises FormatError if they changed."""
        lenders = []
        for number, path in enumerate(self.frames_from):
            try:
                lender = StoreFile(path)
            except SlaError as error:
                raise FormatError(
                    f"{self.path} uses frames of {path}, which cannot be read: {error.message}", AGAIN
                ) from error
            mine = self.frame_file == number
            clips = self.frame_clip[mine]
            same = clips.max(initial=-1) < len(lender.ids) and clips.min(initial=0) >= 0
            if not same or not np.array_equal(lender.checksums[clips], self.checksums[mine]):
                raise FormatError(f"{self.path} uses frames of {path}, which was made again since", AGAIN)
            lenders.append(lender)
        return lenders

    @cached_property
    def _first_frames(self) -> np.ndarray:
        """Index in `frame_offsets` of each clip's first frame, int64 (clips,), if it is in this file."""
        own = np.array(self.lengths, np.int64)
        if self.frames_from:
            own[self.frame_file >= 0] = 0
        return np.cumsum(own) - own

    @cached_property
    def clip_bytes(self) -> np.ndarray:
        """Bytes of each clip's frames, int64 (clips,), wherever they are stored."""
        own = np.where(self.frame_file < 0, np.array(self.lengths, np.int64), 0)
        sizes = self.frame_offsets[self._first_frames + own] - self.frame_offsets[self._first_frames]
        for number, lender in enumerate(self._lenders):
            mine = self.frame_file == number
            sizes[mine] = lender.clip_bytes[self.frame_clip[mine]]
        return np.asarray(sizes)

    def place(self, index: int) -> tuple[Path, int]:
        """The file that holds a clip's frames, and the clip's number there."""
        if not self.frames_from or self.frame_file[index] < 0:
            return self.path, index
        return self._lenders[self.frame_file[index]].place(int(self.frame_clip[index]))

    def places(self) -> list[tuple[Path, int]]:
        """The digest of each clip. Raises FormatError if another store's file is gone or was made again."""
        return [self.place(index) for index in range(len(self.ids))]

    def encoded(self, index: int, wanted: slice = slice(None)) -> list[np.ndarray]:
        """Bytes of the given frames of a clip, each uint8 (bytes,).

        A clip is verified each time if all of it is read, and only the first time if parts are read.

        Raises:
            FormatError: the clip's bytes are damaged.
        """
        if self.frames_from and self.frame_file[index] >= 0:
            return self._lenders[self.frame_file[index]].encoded(int(self.frame_clip[index]), wanted)
        start, stop, step = wanted.indices(self.lengths[index])
        if step != 1:
            raise ValueError("a slice of frames must have a step of 1")
        first = int(self._first_frames[index])
        of_clip = self.frame_offsets[first : first + self.lengths[index] + 1]
        offsets = of_clip[start : max(start, stop) + 1]
        data = self.file["bytes"][offsets[0] : offsets[-1]]
        if len(offsets) == len(of_clip):
            self._verify(index, zlib.crc32(data))
        elif index not in self._good:
            self._verify(index, self._checksum(int(of_clip[0]), int(of_clip[-1])))
        return [data[begin:end] for begin, end in pairwise((offsets - offsets[0]).tolist())]

    def _checksum(self, start: int, end: int) -> int:
        """CRC-32 of a part of `bytes`, in pieces: a clip may be an hour of signing."""
        found = 0
        for begin in range(start, end, PIECE):
            found = zlib.crc32(self.file["bytes"][begin : min(begin + PIECE, end)], found)
        return found

    def _verify(self, index: int, checksum: int) -> None:
        if checksum != self.checksums[index]:
            hint = f"{AGAIN} `sla check --deep` lists all damaged clips."
            raise FormatError(f"{self.path}: clip {self.ids[index]} is damaged: its checksum differs", hint)
        self._good.add(index)

    def raw(self, index: int) -> Encoded:
        """A clip as it was written. Raises FormatError if its bytes or its facts are damaged."""
        parts = self.encoded(index)
        data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
        sizes = np.array([len(part) for part in parts], np.int64)
        return replace(self.lent(index), data=data, sizes=sizes, place=None, checksum=0)

    def lent(self, index: int) -> Encoded:
        """A clip without its frames, for a file that refers to them."""
        return Encoded(
            self.ids[index],
            self.signers[index],
            self.glosses[index],
            np.empty(0, np.uint8),
            np.zeros(self.lengths[index], np.int64),
            self.raw_glosses[index],
            self.translations[index],
            float(self.clip_fps[index]),
            float(self.squared_errors[index]),
            self.sources[index],
            self.stamps[index],
            self.notes[index],
            self.place(index),
            int(self.checksums[index]),
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_pid": -1, "verified": {}}


def _header(file: h5py.File) -> SplitHeader:
    found = {name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()}
    for text in (value for value in found.values() if isinstance(value, str)):
        text_of(text)
    if found["version"] == 1:
        found = STORE_1 | found
    corpus, protocol = found["corpus"], found["protocol"]
    older = {"profile": profile_of(corpus), "preset": preset_of(corpus), "unseen": unseen_of(corpus, protocol)}
    facts = older | found | {"size": found["height"], "fps": float(found["fps"])}
    kept = {field.name: facts[field.name] for field in fields(SplitHeader) if field.name != "vocabulary"}
    check_types(SplitHeader, kept, file.filename, REMAKE)
    if not 0 < kept["size"] <= PIXELS:
        raise ValueError(f"frames of {kept['size']} pixels")
    return SplitHeader(vocabulary=tuple(strings(file, "vocabulary")), **kept)
