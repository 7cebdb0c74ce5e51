"""The frame store: one folder per corpus, one HDF5 file per split or several shards of it.

`store["dev"]["clip-id"].frames(slice(0, 16))`; docs/formats.md is the specification.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.clip import SPLITS
from sla_cli.core.digest import digest_bytes, digest_json
from sla_cli.errors import FormatError, ReadError, SlaError, cannot_read, some
from sla_cli.store.codec import decode
from sla_cli.store.content import Encoded
from sla_cli.store.file import StoreFile
from sla_cli.store.paths import split_files

T = TypeVar("T")


def _cell(of_file: Callable[[StoreFile], Sequence[T]]) -> cached_property[T]:
    """A clip's value in a column of its file, read when it is needed."""
    return cached_property(lambda clip: of_file(clip._file)[clip._index])


class StoredClip:
    """One clip of a split; `len` is the number of its frames.

    Attributes:
        id: name of the clip in the corpus.
        signer: name of the signer, "" if unknown.
        glosses: training glosses, cleaned as `labels` of the split says.
        raw_glosses: as annotated; () if the split has no references.
        translation: spoken-language sentence, "" if there is none.
        fps: frames per second of this clip, 0 if unknown.
    """

    signer = _cell(lambda file: file.signers)
    glosses = _cell(lambda file: file.glosses)
    raw_glosses = _cell(lambda file: file.raw_glosses)
    translation = _cell(lambda file: file.translations)

    def __init__(self, split: Split, file: StoreFile, index: int) -> None:
        self._split, self._file, self._index = split, file, index
        self.id = file.ids[index]

    @property
    def fps(self) -> float:
        return float(self._file.clip_fps[self._index])

    def __len__(self) -> int:
        return self._file.lengths[self._index]

    def encoded(self, wanted: slice = slice(None)) -> list[np.ndarray]:
        """Bytes of the given frames, each uint8 (bytes,). Raises FormatError if the clip is damaged."""
        return self._file.encoded(self._index, wanted)

    def frames(self, wanted: slice = slice(None), reduce: int = 1) -> np.ndarray:
        """Decoded frames.

        Args:
            wanted: which frames, with a step of 1.
            reduce: 1, 2, 4 or 8: decode at a fraction of the size, which is faster with JPEG.

        Returns:
            RGB uint8 (frames, side, side, 3), side = ceil(size of the split / reduce).

        Raises:
            FormatError: the clip is damaged, or a frame does not decode.
            ValueError: the step is not 1.
        """
        numbers = range(*wanted.indices(len(self)))
        if numbers.step != 1:
            raise ValueError("a slice of frames must have a step of 1")
        side = -(-self._split.size // reduce)
        images = np.empty((len(numbers), side, side, 3), np.uint8)
        self.read_into(images, numbers, reduce)
        return images

    def read_into(self, out: np.ndarray, wanted: Sequence[int], reduce: int = 1) -> None:
        """Decode frames into existing memory: avoiding a copy saves a tenth of the time.

        Args:
            out: RGB uint8 (frames, side, side, 3), side = ceil(size / reduce).
            wanted: numbers of frames, sorted; a repeated one is copied.
            reduce: as for `frames`.

        Raises:
            FormatError: the clip is damaged, or a frame does not decode.
        """
        if not wanted:
            return
        parts = self.encoded(slice(wanted[0], wanted[-1] + 1))
        for place, number in enumerate(wanted):
            if place and number == wanted[place - 1]:
                out[place] = out[place - 1]
                continue
            image = decode(parts[number - wanted[0]], self._split.codec, self._split.size, reduce)
            if image is None:
                raise FormatError(
                    f"{self._file.path}: clip {self.id}, frame {number} does not decode",
                    "Run `sla prep` again with --force.",
                )
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=out[place])

    def raw(self) -> Encoded:
        """The clip as it was written. Raises FormatError if it is damaged."""
        return self._file.raw(self._index)


def _column(of_file: Callable[[StoreFile], Iterable[T]]) -> cached_property[list[T]]:
    """A column of all files of a split, read when it is needed."""
    return cached_property(lambda split: [value for file in split.files for value in of_file(file)])


class Split:
    """One split: its clips in the order of the corpus's table, from one file or from all shards.

    `len` is the number of clips, `in` asks for an id, and a loop goes over the clips.

    Attributes:
        path: path of its file, or of the first shard.
        corpus: name of the corpus.
        protocol: which division of the corpus, "" if it has one only.
        name: train, dev or test.
        size: side of the frames in pixels.
        fit: how frames were made square: squash, pad or crop.
        fps: frames per second of most clips, 0 if unknown.
        codec: codec of the stored frames.
        quality: quality of JPEG; 0 with other codecs.
        vocabulary: training glosses of the train split, sorted, blank not included.
        labels: how training glosses were cleaned: `raw`, or a profile with its version.
        annotated: whether there are references.
        digest: digest of the content of all files.
        profile: the normalisation with which the corpus is scored by default.
        preset: the training preset of the corpus.
        unseen: what evaluation splits do not share with train by promise: `signers`, `sentences` or "".
        ids: ids of the clips, a list in their order; the next lists are in the same order.
        lengths: number of frames of each clip.
        signers: as `StoredClip.signer`.
        glosses: as `StoredClip.glosses`.
        raw_glosses: as `StoredClip.raw_glosses`.
        translations: as `StoredClip.translation`.
        sources: where each clip's frames come from within the corpus; `core.clip.split_origin` reads it.
    """

    signers = _column(lambda file: file.signers)
    glosses = _column(lambda file: file.glosses)
    raw_glosses = _column(lambda file: file.raw_glosses)
    translations = _column(lambda file: file.translations)
    sources = _column(lambda file: file.sources)

    def __init__(self, *paths: Path) -> None:
        self.files = [StoreFile(path) for path in paths]
        self.path = paths[0]
        header = self.files[0].header
        self.corpus, self.protocol, self.name = header.corpus, header.protocol, header.split
        self.size, self.fit, self.fps = header.size, header.fit, header.fps
        self.codec, self.quality = header.codec, header.quality
        self.labels, self.annotated, self.recipe = header.labels, header.annotated, header.recipe
        self.profile, self.preset, self.unseen = header.profile, header.preset, header.unseen
        self.vocabulary = header.vocabulary
        found = [(file.header.shard, file.header.shards) for file in self.files]
        if found != [(number, len(paths)) for number in range(len(paths))]:
            raise FormatError(
                f"{self.path}: shard {header.shard} of {header.shards}, but the number of files is {len(paths)}",
                "Make it again with `sla prep`.",
            )
        digests = [file.digest for file in self.files]
        self.digest = digests[0] if len(digests) == 1 else digest_json(digests)
        self.ids = [name for file in self.files for name in file.ids]
        self.lengths = [length for file in self.files for length in file.lengths]
        self._starts = list(accumulate((len(file.ids) for file in self.files), initial=0))

    @cached_property
    def clip_fps(self) -> np.ndarray:
        """Frames per second of each clip, float (clips,), 0 where unknown."""
        return np.concatenate([file.clip_fps for file in self.files])

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.ids)}

    def references(self) -> dict[str, tuple[str, ...]]:
        """Clip id to glosses as annotated. Raises SlaError if the split has none."""
        if not self.annotated:
            raise SlaError(
                f"{self.path}: the {self.name} split of {self.corpus} has no reference glosses",
                "It can be decoded but not scored; give references with --ref if the command has this option.",
            )
        return dict(zip(self.ids, self.raw_glosses, strict=True))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._index

    def __getitem__(self, key: str | int) -> StoredClip:
        """A clip by its id or its number. Raises SlaError for an id, IndexError for a number that is not there."""
        if not isinstance(key, str):
            number = range(len(self))[key]  # also negative numbers, and integers of numpy
            part = bisect_right(self._starts, number) - 1
            return StoredClip(self, self.files[part], number - self._starts[part])
        if key not in self._index:
            raise SlaError(f"{self.path}: no clip {key!r}")
        return self[self._index[key]]

    def __iter__(self) -> Iterator[StoredClip]:
        return (self[index] for index in range(len(self)))


class Store:
    """A corpus on disk: clips with their frames and glosses, by split. One without a receipt is not complete.

    Attributes:
        path: its folder, as given.
        splits: names of those that are there, of train, dev and test.

    Raises:
        SlaError: no store, or one that is not complete.
        FormatError: its receipt is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.splits = [name for name in SPLITS if split_files(path, name)]
        except OSError as error:
            raise cannot_read(path, error) from error
        if not self.splits:
            raise SlaError(
                f"{path} is not a store: no {', '.join(f'{name}.h5' for name in SPLITS)} in it",
                "Make one with `sla prep CORPUS SOURCE`.",
            )
        if read_receipt(path) is None:
            raise SlaError(
                f"the store {path} is not complete: prep is still running or was interrupted",
                "Run the same `sla prep` again, or `sla prep --resume`: prep then continues.",
            )
        self._open: dict[str, Split] = {}

    def __getitem__(self, name: str) -> Split:
        """A split. Raises SlaError if there is none of this name, FormatError if a file of it is damaged."""
        if name not in self.splits:
            raise SlaError(f"{self.path} has no split {name!r}", f"It has {some(self.splits)}.")
        if name not in self._open:
            self._open[name] = Split(*split_files(self.path, name))
        return self._open[name]

    @property
    def default_split(self) -> str:
        """The only split, or dev if there are several."""
        return self.splits[0] if len(self.splits) == 1 else "dev"

    @property
    def corpus(self) -> str:
        """Name of the corpus."""
        return self[self.splits[0]].corpus

    @property
    def preset(self) -> str:
        """The training preset of the corpus."""
        return self[self.splits[0]].preset

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Glosses of train, sorted; output column i+1 of a model is gloss i, column 0 the blank."""
        return self[self.splits[0]].vocabulary


def is_store_of(digests: Mapping[str, str]) -> Callable[[Path], bool]:
    """A function that tells whether a folder is a finished store whose splits have these digests."""

    def is_it(folder: Path) -> bool:
        try:
            store = Store(folder)
            return all(split in store.splits and store[split].digest == digest for split, digest in digests.items())
        except ReadError:  # it may still be the store
            raise
        except SlaError:
            return False

    return is_it


def vocabulary_digest(vocabulary: Sequence[str]) -> str:
    """Digest of a gloss vocabulary, order included."""
    return digest_bytes("\n".join(vocabulary).encode())
