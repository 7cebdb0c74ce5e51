"""The frame store: one folder a corpus, one HDF5 file a split. docs/formats.md is the specification.

JPEG bytes of all frames lie in one flat contiguous array; `frame_offsets` cuts it into frames and
`clip_offsets` cuts the frames into clips. Glosses are kept as annotated.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import h5py
import numpy as np

from sla_cli.errors import FormatError, SlaError, some
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.hdf5 import claim, create, open_checked, strings, whole, write_strings
from sla_cli.formats.receipt import digest_bytes, digest_json, read_receipt

NAME, VERSION = "sla-store", 1
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Encoded:
    """A clip ready for the store.

    Attributes:
        data: the JPEG files of its frames one after the other, uint8 (bytes,).
        sizes: bytes of each frame, int64 (frames,).
    """

    id: str
    signer: str
    glosses: tuple[str, ...]
    data: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True)
class SplitHeader:
    """What all clips of a split share. `vocabulary` comes from train only, sorted, blank not included."""

    corpus: str
    split: str
    size: int
    fps: float
    quality: int
    vocabulary: tuple[str, ...]


def write_split(path: Path, header: SplitHeader, clips: Iterable[Encoded], total_bytes: int) -> None:
    """Write a split file; clips are taken one at a time, so memory does not grow with their number.

    Args:
        total_bytes: sum of all clips' bytes, known beforehand so that the array is contiguous on disk.

    Raises:
        SlaError: a gloss is empty or holds white space, or the disk is full.
    """
    ids, signers, glosses, checksums = [], [], [], []
    sizes: list[np.ndarray] = []
    with atomic_write(path) as temporary, create(temporary, total_bytes) as file:
        flat = file.create_dataset("bytes", (total_bytes,), np.uint8)
        position = 0
        for clip in clips:
            text = " ".join(clip.glosses)
            if tuple(text.split()) != clip.glosses:
                raise SlaError(f"clip {clip.id}: a gloss is empty or holds white space: {clip.glosses}")
            flat[position : position + len(clip.data)] = clip.data
            position += len(clip.data)
            ids.append(clip.id)
            signers.append(clip.signer)
            glosses.append(text)
            checksums.append(zlib.crc32(clip.data.tobytes()))
            sizes.append(clip.sizes)
        frames = np.array([len(part) for part in sizes], np.int64)
        claim(temporary, total_bytes + 8 * int(frames.sum()) + sum(256 + 4 * len(text) for text in (*ids, *glosses)))
        file["clip_offsets"] = np.concatenate([[0], np.cumsum(frames)]).astype(np.int64)
        file["frame_offsets"] = np.concatenate([[0], np.cumsum(np.concatenate([*sizes, []]))]).astype(np.int64)
        file["checksums"] = np.array(checksums, np.uint32)
        for name, values in (("ids", ids), ("signers", signers), ("glosses", glosses)):
            write_strings(file, name, values)
        write_strings(file, "vocabulary", list(header.vocabulary))
        facts: dict[str, Any] = {
            "corpus": header.corpus,
            "split": header.split,
            "height": header.size,
            "width": header.size,
            "fps": header.fps,
            "codec": "jpeg",
            "quality": header.quality,
        }
        content = [facts, list(header.vocabulary), ids, signers, glosses, checksums, frames.tolist()]
        for key, value in {**facts, "format": NAME, "version": VERSION, "digest": digest_json(content)}.items():
            file.attrs[key] = value


class StoredClip:
    """One clip of an open split."""

    def __init__(self, split: Split, index: int) -> None:
        self._split, self._index = split, index
        self.id = split.ids[index]
        self.signer = split.signers[index]
        self.glosses = split.glosses[index]

    def __len__(self) -> int:
        return self._split.lengths[self._index]

    def encoded(self, wanted: slice = slice(None)) -> list[np.ndarray]:
        """JPEG bytes of the wanted frames, each uint8 (bytes,)."""
        first, last = self._split.clip_offsets[self._index : self._index + 2]
        start, stop, step = wanted.indices(int(last - first))
        if step != 1:
            raise ValueError("frames are read with a step of 1")
        offsets = self._split.frame_offsets[first + start : first + max(start, stop) + 1]
        data = self._split.file["bytes"][offsets[0] : offsets[-1]]
        return np.split(data, offsets[1:-1] - offsets[0]) if stop > start else []

    def frames(self, wanted: slice = slice(None), reduce: int = 1) -> np.ndarray:
        """Decoded frames, RGB uint8 (frames, height, width, 3).

        Args:
            reduce: 1, 2, 4 or 8: decode at a fraction of the size, which JPEG does in less time.

        Raises:
            FormatError: a frame does not decode.
        """
        images = []
        for number, data in enumerate(self.encoded(wanted), wanted.indices(len(self))[0]):
            image = cv2.imdecode(data, REDUCED[reduce])
            if image is None:
                raise FormatError(
                    f"{self._split.path}: clip {self.id}, frame {number} does not decode", "Run `sla prep` again."
                )
            images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        if not images:
            side = -(-self._split.size // reduce)
            return np.empty((0, side, side, 3), np.uint8)
        return np.stack(images)

    def raw(self) -> Encoded:
        """The clip as it was written, checked against its checksum."""
        parts = self.encoded()
        data = np.concatenate(parts) if parts else np.empty(0, np.uint8)
        if zlib.crc32(data.tobytes()) != self._split.checksums[self._index]:
            raise FormatError(f"{self._split.path}: clip {self.id} is damaged", "Run `sla prep` again with --force.")
        sizes = np.array([len(part) for part in parts], np.int64)
        return Encoded(self.id, self.signer, self.glosses, data, sizes)


class Split:
    """One split, opened lazily and once in each process, since HDF5 handles cross neither fork nor pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: h5py.File | None = None
        self._pid = -1
        with open_checked(path, NAME, VERSION, "prep") as file, whole(path, "prep"):
            self.corpus = str(file.attrs["corpus"])
            self.name = str(file.attrs["split"])
            self.size = int(file.attrs["height"])
            self.fps = float(file.attrs["fps"])
            self.quality = int(file.attrs["quality"])
            self.digest = str(file.attrs["digest"])
            self.vocabulary = tuple(strings(file, "vocabulary"))
            self.ids = strings(file, "ids")
            self.signers = strings(file, "signers")
            self.glosses = [tuple(text.split()) for text in strings(file, "glosses")]
            self.clip_offsets = file["clip_offsets"][:]
            self.frame_offsets = file["frame_offsets"][:]
            self.checksums = file["checksums"][:]
        self.lengths = [int(n) for n in np.diff(self.clip_offsets)]

    @property
    def file(self) -> h5py.File:
        """The open HDF5 file of this process."""
        if self._file is None or self._pid != os.getpid():
            self._file, self._pid = open_checked(self.path, NAME, VERSION, "prep"), os.getpid()
        return self._file

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.ids)}

    def references(self) -> dict[str, tuple[str, ...]]:
        """Clip id to glosses as annotated."""
        return dict(zip(self.ids, self.glosses, strict=True))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._index

    def __getitem__(self, key: str | int) -> StoredClip:
        if not isinstance(key, str):
            return StoredClip(self, range(len(self))[key])  # from the end too, and of numpy's integers
        if key not in self._index:
            raise SlaError(f"{self.path}: no clip {key!r}")
        return StoredClip(self, self._index[key])

    def __iter__(self) -> Iterator[StoredClip]:
        return (StoredClip(self, index) for index in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None, "_pid": -1}


class Store:
    """A corpus on disk: `store["dev"]["clip-id"].frames(slice(0, 16))`. One without a receipt is not complete."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.splits = [name for name in SPLITS if split_path(path, name).is_file()]
        if not self.splits:
            raise SlaError(
                f"{path} is not a store: no {', '.join(f'{name}.h5' for name in SPLITS)} in it",
                "Make one with `sla prep CORPUS SOURCE`.",
            )
        if read_receipt(path) is None:
            raise SlaError(
                f"the store {path} is not complete: prep is at work on it or was interrupted",
                "Run the same `sla prep` again: it goes on where it was.",
            )
        self._open: dict[str, Split] = {}

    def __getitem__(self, name: str) -> Split:
        if name not in self.splits:
            raise SlaError(f"{self.path} has no split {name!r}", f"It has {some(self.splits)}.")
        if name not in self._open:
            self._open[name] = Split(split_path(self.path, name))
        return self._open[name]

    @property
    def corpus(self) -> str:
        return self[self.splits[0]].corpus

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Glosses of train, sorted; output column i+1 of a model is gloss i, column 0 the blank."""
        return self[self.splits[0]].vocabulary


def split_path(store: Path, split: str) -> Path:
    """Where a split lies in a store."""
    return store / f"{split}.h5"


def vocabulary_digest(vocabulary: Sequence[str]) -> str:
    """Digest of a gloss vocabulary, order included."""
    return digest_bytes("\n".join(vocabulary).encode())
