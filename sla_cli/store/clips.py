"""A split of a store: the clips that a division puts into train, dev or test, with their frames and glosses."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np

from sla_cli.core.arguments import as_plain, check_slice
from sla_cli.core.clip import Times
from sla_cli.core.digest import digest_json
from sla_cli.errors import FormatError, SlaError, shown
from sla_cli.store.codec import REDUCED, decode
from sla_cli.store.content import EncodedClip, StoreHeader
from sla_cli.store.division import Division
from sla_cli.store.file import AGAIN, StoreFile

Row = tuple[StoreFile, int]  # a clip: its file, and its number there
T = TypeVar("T")


def _column(of_file: Callable[[StoreFile], Sequence[T]]) -> cached_property[list[T]]:
    """A list of a split with a value per clip, read when it is needed."""
    return cached_property(lambda split: [of_file(file)[index] for file, index in split.rows])


class StoredClip:
    """One clip of a split; `len` is the number of its frames.

    Attributes:
        id: name of the clip in the corpus.
        signer: name of the signer, "" if unknown.
        glosses: training glosses, cleaned as `labels` of the split says.
        raw_glosses: as annotated; () if there are none.
        translation: spoken-language sentence, "" if there is none.
        fps: frames per second of this clip, 0 if unknown.
    """

    def __init__(self, split: Split, file: StoreFile, index: int) -> None:
        self._split, self._file, self._index = split, file, index
        self.id, self.signer = file.ids[index], file.signers[index]
        self.glosses, self.raw_glosses = file.glosses[index], file.raw_glosses[index]
        self.translation, self.fps = file.translations[index], float(file.clip_fps[index])

    def __len__(self) -> int:
        return self._file.lengths[self._index]

    def encoded(self, wanted: slice = slice(None)) -> list[np.ndarray]:
        """Bytes of the given frames, each uint8 (bytes,).

        Raises:
            SlaError: `wanted` is not a slice, or its step is not 1.
            FormatError: the clip is damaged.
        """
        check_slice(wanted)
        return self._file.encoded(self._index, wanted)

    def frames(self, wanted: slice = slice(None), reduce: int = 1) -> np.ndarray:
        """Decoded frames.

        Args:
            wanted: which frames, with a step of 1.
            reduce: 1, 2, 4 or 8: decode at a fraction of the size, which is faster with JPEG.

        Returns:
            RGB uint8 (frames, side, side, 3), side = ceil(size of the split / reduce).

        Raises:
            SlaError: `wanted` is not a slice, or its step is not 1.
            FormatError: the clip is damaged, or a frame does not decode.
        """
        check_slice(wanted)
        factor = as_plain(reduce)
        if isinstance(factor, bool) or not isinstance(factor, int) or factor not in (1, *REDUCED):
            raise SlaError(f"reduce is {shown(reduce)}", "It is 1, 2, 4 or 8.")
        numbers = range(*wanted.indices(len(self)))
        side = -(-self._split.size // factor)
        images = np.empty((len(numbers), side, side, 3), np.uint8)
        self.read_into(images, numbers, factor)
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
                raise FormatError(f"{self._file.path}: clip {self.id}, frame {number} does not decode", AGAIN)
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=out[place])

    def raw(self) -> EncodedClip:
        """The clip as it was written. Raises FormatError if it is damaged."""
        return self._file.raw(self._index)


class Split:
    """One split: its clips in the order of the store. `str` names the store, the division and the split.

    `len` is the number of clips, `in` asks for an id, and a loop goes over the clips.

    Attributes:
        store: folder of the store.
        division: name of the division, "" if the store has none.
        name: train, dev or test.
        corpus: name of the corpus.
        size: side of the frames in pixels.
        fit: how frames were made square: squash, pad or crop.
        codec: codec of the stored frames.
        quality: quality of JPEG; 0 with other codecs.
        labels: how training glosses were cleaned: `raw`, or a profile with its version.
        profile: the normalisation with which the corpus is scored by default.
        unseen: what evaluation splits do not share with train by promise: `signers`, `sentences` or "".
        vocabulary: training glosses of the train split, sorted, blank not included.
        ids: ids of the clips, a list in their order; the next lists are in the same order.
        lengths: number of frames of each clip.
        signers: as in `StoredClip`, like the next three.
        glosses: cleaned for training.
        raw_glosses: as annotated.
        translations: spoken-language sentences.
        sources: where each clip's frames come from within the corpus; `core.clip.split_origin` reads it.
        stamps: fingerprint of the recording of each, "" if unknown.
        times: where each training gloss is, in seconds of the clip; () if unknown.
    """

    signers: cached_property[list[str]] = _column(lambda file: file.signers)
    glosses: cached_property[list[tuple[str, ...]]] = _column(lambda file: file.glosses)
    raw_glosses: cached_property[list[tuple[str, ...]]] = _column(lambda file: file.raw_glosses)
    translations: cached_property[list[str]] = _column(lambda file: file.translations)
    sources: cached_property[list[str]] = _column(lambda file: file.sources)
    stamps: cached_property[list[str]] = _column(lambda file: file.stamps)
    times: cached_property[list[Times]] = _column(lambda file: file.times)

    def __init__(
        self,
        store: Path,
        header: StoreHeader,
        division: Division,
        name: str,
        rows: Sequence[Row],
        vocabulary: tuple[str, ...],
    ) -> None:
        self._header, self._division = header, division
        self.store, self.division, self.unseen, self.name = store, division.name, division.unseen, name
        self.corpus, self.size, self.fit = header.corpus, header.size, header.fit
        self.codec, self.quality = header.codec, header.quality
        self.labels, self.profile = header.labels, header.profile
        self.rows, self.vocabulary = rows, vocabulary
        self.ids = [file.ids[index] for file, index in rows]
        self.lengths = [file.lengths[index] for file, index in rows]

    def __str__(self) -> str:
        return f"{self.name} of {self.store}{f':{self.division}' if self.division else ''}"

    @cached_property
    def clip_fps(self) -> np.ndarray:
        """Frames per second of each clip, float (clips,), 0 where unknown."""
        return np.array([file.clip_fps[index] for file, index in self.rows], np.float64)

    @cached_property
    def fps(self) -> float:
        """Frames per second, the median of its clips; 0 if unknown."""
        known = sorted(rate for rate in self.clip_fps.tolist() if rate)
        return known[len(known) // 2] if known else 0.0

    @cached_property
    def annotated(self) -> bool:
        """Whether there are references."""
        return any(self.raw_glosses)

    @cached_property
    def checksums(self) -> list[int]:
        """CRC-32 of each clip's frames."""
        return [int(file.checksums[index]) for file, index in self.rows]

    @cached_property
    def clip_bytes(self) -> list[int]:
        """Bytes of each clip's frames."""
        return [int(file.clip_bytes[index]) for file, index in self.rows]

    @cached_property
    def digest(self) -> str:
        """Digest of the clips: of their frames, glosses and other facts, wherever and with whatever they are stored."""
        texts = [self.ids, self.signers, self.glosses, self.raw_glosses, self.translations, self.sources, self.times]
        numbers = [self.clip_fps.tolist(), self.checksums, self.lengths]
        return digest_json([self.corpus, self.size, self.fit, self.codec, self.quality, self.labels, *texts, *numbers])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.ids)}

    def part(self, chosen: Container[str]) -> Split:
        """Those of its clips whose ids are chosen."""
        rows = [(file, index) for file, index in self.rows if file.ids[index] in chosen]
        return Split(self.store, self._header, self._division, self.name, rows, self.vocabulary)

    def references(self) -> dict[str, tuple[str, ...]]:
        """Clip id to glosses as annotated. Raises SlaError if the split has none."""
        if not self.annotated:
            raise SlaError(
                f"{self} has no reference glosses",
                "It can be decoded but not scored; give references with --ref if the command has this option.",
            )
        return dict(zip(self.ids, self.raw_glosses, strict=True))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, clip_id: object) -> bool:
        return isinstance(clip_id, str) and clip_id in self._numbers

    def __getitem__(self, key: str | int) -> StoredClip:
        """A clip by its id or its number.

        Raises:
            SlaError: there is no such id, or it is neither.
            IndexError: there is no such number, which ends a loop.
        """
        number = as_plain(key)
        if not isinstance(number, (str, int)) or isinstance(number, bool):
            raise SlaError(f"a clip is chosen by its id or number, not by {shown(key)}")
        if isinstance(number, str) and number not in self._numbers:
            raise SlaError(f"{self}: no clip {shown(number)}")
        file, index = self.rows[self._numbers[number] if isinstance(number, str) else number]
        return StoredClip(self, file, index)

    def __iter__(self) -> Iterator[StoredClip]:
        return (StoredClip(self, file, index) for file, index in self.rows)
