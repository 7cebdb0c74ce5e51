"""What goes into one HDF5 file of a store: a clip ready for it, and what all of its clips share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


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
        stamp: tells whether the recording is still the one that was read, "" where unknown.
        note: what is known to be wrong with the frames, "" for nothing.
        place: a file of another store that holds the frames, and the number of the clip there; `data` is then empty.
        checksum: CRC-32 of the frames that lie elsewhere.
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
