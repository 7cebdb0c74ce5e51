"""The content of one HDF5 file of a store: its encoded clips, and the facts that they share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Encoded:
    """An encoded clip, ready to be written into the store.

    Attributes:
        glosses: training glosses, cleaned.
        data: its encoded frames one after the other, uint8 (bytes,).
        sizes: bytes of each frame, int64 (frames,).
        raw_glosses: as annotated; None if they equal `glosses`.
        fps: frames per second, 0 if unknown.
        squared_error: mean squared error of encoding over the pixels of one sampled frame, 0 if lossless.
        source: where the frames come from, within the corpus.
        stamp: fingerprint of the recording, to detect a change; "" if unknown.
        note: known faults of the frames, "" for none.
        place: a file of another store that holds the frames, and the number of the clip there; `data` is then empty.
        checksum: CRC-32 of the frames in the other store.
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
    stamp: str = ""
    note: str = ""
    place: tuple[Path, int] | None = None
    checksum: int = 0


@dataclass(frozen=True)
class SplitHeader:
    """The facts that all clips of a file share.

    Attributes:
        size: side of the frames in pixels.
        fps: frames per second of most clips, 0 if unknown.
        quality: JPEG quality; 0 with other codecs.
        vocabulary: training glosses of the train split, sorted, blank not included.
        labels: the cleaning that made training glosses: `raw`, or a profile with its version.
        protocol: which division of the corpus, "" if it has only one.
        annotated: whether the split has reference glosses.
        recipe: fingerprint of how the frames were made and from what: clips of equal recipes are interchangeable.
        profile: the normalisation under which the corpus is scored by default.
        preset: the training preset of the corpus.
        unseen: what evaluation splits do not share with train by definition: `signers`, `sentences` or "".
        shard, shards: number of this file, and of all files.
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
        """The header as attributes of the file."""
        own = {name: value for name, value in vars(self).items() if name not in ("size", "vocabulary", "recipe")}
        return {**own, "height": self.size, "width": self.size}
