"""One HDF5 file of a store: a split, or a shard of one. docs/formats.md is the specification.

The encoded frames lie in one flat contiguous array; `frame_offsets` cuts it into frames and `clip_offsets` cuts the
frames into clips. Glosses are kept twice: as annotated, and as training reads them.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from sla_cli.atomic import atomic_write
from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.formats.hdf5 import claim, create, naming_damage, open_checked, strings, write_strings
from sla_cli.formats.legacy import STORE_1, preset_of, profile_of, unseen_of

NAME, VERSION = "sla-store", 2
T = TypeVar("T")
REMAKE = "prep --force"  # without --force a store with a good receipt is up to date
TEXTS = ("ids", "signers", "glosses", "raw_glosses", "translations", "sources")  # one per clip
DATASETS = (*TEXTS, "bytes", "frame_offsets", "clip_offsets", "checksums", "clip_fps", "squared_errors", "vocabulary")
SINCE_2 = {"raw_glosses", "translations", "sources", "clip_fps", "squared_errors"}  # datasets that version 1 lacks


@dataclass(frozen=True)
class Encoded:
    """A clip ready for the store.

    Attributes:
        glosses: as training reads them, cleaned.
        data: its encoded frames one after the other, uint8 (bytes,).
        sizes: bytes of each frame, int64 (frames,).
        raw_glosses: as annotated; None where they equal `glosses`.
        fps: frames per second, 0 where unknown.
        squared_error: mean over the pixels of one sampled frame of what encoding changed, 0 where it loses nothing.
        source: where the frames come from, within the corpus.
    """

    id: str
    signer: str
    glosses: tuple[str, ...]
    data: np.ndarray
    sizes: np.ndarray
    raw_glosses: tuple[str, ...] | None = None
    translation: str = ""
    fps: float = 0.0
    squared_error: float = 0.0
    source: str = ""


@dataclass(frozen=True)
class SplitHeader:
    """What all clips of a file share.

    Attributes:
        size: side of the frames in pixels.
        fps: frames per second of most clips, 0 where unknown.
        quality: of JPEG; 0 with other codecs.
        vocabulary: training glosses of the train split, sorted, blank not included.
        labels: the cleaning that made training glosses: `raw`, or a profile with its version.
        protocol: which division of the corpus, "" where it has one.
        annotated: whether the split has reference glosses.
        recipe: fingerprint of what the frames were made from and how: clips of equal ones are interchangeable.
        profile: the normalisation under which the corpus is scored by default.
        preset: the training preset of the corpus.
        unseen: what evaluation splits do not share with train by promise: `signers`, `sentences` or "".
        shard, shards: which file of how many.
    """

    corpus: str
    split: str
    size: int
    fps: float
    quality: int
    vocabulary: tuple[str, ...]
    codec: str = "jpeg"
    fit: str = "squash"
    labels: str = "raw"
    protocol: str = ""
    annotated: bool = True
    recipe: str = ""
    shard: int = 0
    shards: int = 1
    profile: str = "none"
    preset: str = "base"
    unseen: str = ""

    def facts(self) -> dict[str, Any]:
        """How the clips are to be read, as attributes of the file."""
        own = {name: value for name, value in vars(self).items() if name not in ("size", "vocabulary", "recipe")}
        return {**own, "height": self.size, "width": self.size}


def write_split(path: Path, header: SplitHeader, clips: Iterable[Encoded], total_bytes: int) -> None:
    """Write a file of a store; clips are taken one at a time, so memory does not grow with their number.

    Args:
        total_bytes: sum of all clips' bytes, known beforehand so that the array is contiguous on disk.

    Raises:
        SlaError: a gloss is empty or holds white space, or the disk is full.
    """
    texts: dict[str, list[str]] = {name: [] for name in TEXTS}
    rates, errors, checksums = [], [], []
    sizes: list[np.ndarray] = []
    with atomic_write(path) as temporary, create(temporary, total_bytes) as file:
        flat = file.create_dataset("bytes", (total_bytes,), np.uint8)
        position = 0
        for clip in clips:
            raw = clip.glosses if clip.raw_glosses is None else clip.raw_glosses
            row = (clip.id, clip.signer, _joined(clip, clip.glosses), _joined(clip, raw), clip.translation, clip.source)
            for column, text in zip(texts.values(), row, strict=True):
                column.append(text)
            flat[position : position + len(clip.data)] = clip.data
            position += len(clip.data)
            checksums.append(zlib.crc32(clip.data.tobytes()))
            rates.append(float(clip.fps))
            errors.append(float(clip.squared_error))
            sizes.append(clip.sizes)
        frames = np.array([len(part) for part in sizes], np.int64)
        characters = sum(len(text) for column in texts.values() for text in column)
        claim(temporary, total_bytes + 8 * int(frames.sum()) + 512 * len(sizes) + 4 * characters)
        file["clip_offsets"] = np.concatenate([[0], np.cumsum(frames)]).astype(np.int64)
        file["frame_offsets"] = np.concatenate([[0], np.cumsum(np.concatenate([*sizes, []]))]).astype(np.int64)
        file["checksums"] = np.array(checksums, np.uint32)
        file["clip_fps"] = np.array(rates, np.float64)
        file["squared_errors"] = np.array(errors, np.float64)
        for name, column in texts.items():
            write_strings(file, name, column)
        write_strings(file, "vocabulary", list(header.vocabulary))
        content = [header.facts(), list(header.vocabulary), texts, rates, checksums, frames.tolist()]
        about = {"format": NAME, "version": VERSION, "recipe": header.recipe, "digest": digest_json(content)}
        for key, value in {**header.facts(), **about}.items():
            file.attrs[key] = value


def _joined(clip: Encoded, glosses: tuple[str, ...]) -> str:
    text = " ".join(glosses)
    if tuple(text.split()) != glosses:
        raise SlaError(f"clip {clip.id}: a gloss is empty or holds white space: {glosses}")
    return text


def _column(
    name: str, read: Callable[[h5py.File, str], T], before: Callable[[StoreFile], T] | None = None
) -> cached_property[T]:
    """A dataset of a file, read when it is asked for; `before` says what held in version 1, which lacks it."""

    def column(file: StoreFile) -> T:
        if before is not None and file.version == 1:
            return before(file)
        with naming_damage(file.path, REMAKE):
            return read(file.file, name)

    return cached_property(column)


def _glosses(file: h5py.File, name: str) -> list[tuple[str, ...]]:
    return [tuple(text.split()) for text in strings(file, name)]


def _numbers(file: h5py.File, name: str) -> np.ndarray:
    return np.asarray(file[name])


class StoreFile:
    """What one file holds; frames and the columns of clips are read when they are asked for.

    Attributes:
        ids, signers, glosses, raw_glosses, translations, sources, clip_fps, squared_errors, checksums: one per clip.
            clip_fps and squared_errors are float64 (clips,), checksums uint32 (clips,).
        lengths: frames of each clip.
        clip_offsets, frame_offsets: int64 (clips + 1,) and (frames + 1,), as in docs/formats.md.

    In version 1, squared errors are unknown: NaN. A file is opened once in each process, since an HDF5 handle survives
    neither fork nor pickle.
    """

    version: int
    header: SplitHeader
    ids: list[str]

    signers = _column("signers", strings)
    glosses = _column("glosses", _glosses)
    raw_glosses = _column("raw_glosses", _glosses, lambda file: file.glosses)
    translations = _column("translations", strings, lambda file: [""] * len(file.ids))
    sources = _column("sources", strings, lambda file: [""] * len(file.ids))
    clip_fps = _column("clip_fps", _numbers, lambda file: np.full(len(file.ids), file.header.fps))
    squared_errors = _column("squared_errors", _numbers, lambda file: np.full(len(file.ids), np.nan))
    checksums = _column("checksums", _numbers)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None
        self._pid = -1
        with open_checked(path, NAME, (VERSION - 1, VERSION), REMAKE) as file, naming_damage(path, REMAKE):
            self.version = int(file.attrs["version"])
            if missing := set(DATASETS) - set(file) - (SINCE_2 if self.version == 1 else set()):
                raise KeyError(f"no {some(sorted(missing))}")
            self.header = _header(file)
            self.digest = str(file.attrs["digest"])
            self.ids = strings(file, "ids")
            self.clip_offsets = _numbers(file, "clip_offsets")
            self.frame_offsets = _numbers(file, "frame_offsets")
        self.lengths = [int(n) for n in np.diff(self.clip_offsets)]

    @property
    def file(self) -> h5py.File:
        """The open HDF5 file of this process."""
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = open_checked(self.path, NAME, (VERSION - 1, VERSION), REMAKE), os.getpid()
        return self._file

    def encoded(self, index: int, wanted: slice = slice(None)) -> list[np.ndarray]:
        """Bytes of the wanted frames of a clip, each uint8 (bytes,)."""
        first, last = self.clip_offsets[index : index + 2]
        start, stop, step = wanted.indices(int(last - first))
        if step != 1:
            raise ValueError("frames are read with a step of 1")
        offsets = self.frame_offsets[first + start : first + max(start, stop) + 1]
        data = self.file["bytes"][offsets[0] : offsets[-1]]
        return [data[begin:end] for begin, end in pairwise((offsets - offsets[0]).tolist())]

    def raw(self, index: int) -> Encoded:
        """A clip as it was written. Raises FormatError where its checksum is another."""
        parts = self.encoded(index)
        data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
        if zlib.crc32(data.tobytes()) != self.checksums[index]:
            raise FormatError(f"{self.path}: clip {self.ids[index]} is damaged", "Run `sla prep` again with --force.")
        return Encoded(
            self.ids[index],
            self.signers[index],
            self.glosses[index],
            data,
            np.array([len(part) for part in parts], np.int64),
            self.raw_glosses[index],
            self.translations[index],
            float(self.clip_fps[index]),
            float(self.squared_errors[index]),
            self.sources[index],
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_pid": -1}


def _header(file: h5py.File) -> SplitHeader:
    found = {name: value.item() if isinstance(value, np.generic) else value for name, value in file.attrs.items()}
    if found["version"] == 1:
        found = STORE_1 | found
    corpus, protocol = found["corpus"], found["protocol"]
    older = {"profile": profile_of(corpus), "preset": preset_of(corpus), "unseen": unseen_of(corpus, protocol)}
    facts = older | found | {"size": found["height"], "fps": float(found["fps"])}
    names = [field.name for field in fields(SplitHeader) if field.name != "vocabulary"]
    return SplitHeader(vocabulary=tuple(strings(file, "vocabulary")), **{name: facts[name] for name in names})
