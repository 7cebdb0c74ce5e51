"""What a file of a store holds: encoded clips, and the facts that all of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from msgspec import Meta

from sla_cli.config.bounds import PIXELS
from sla_cli.core.quantities import Count


@dataclass(frozen=True)
class EncodedFrames:
    """The encoded frames of a clip.

    Attributes:
        data: the frames one after the other, uint8 (bytes,).
        sizes: bytes of each frame, int64 (frames,).
        fps: frames per second, 0 if unknown.
        squared_error: mean squared difference that the codec makes, over the values of one sampled frame; 0 if it is
            lossless.
        note: which frames are missing in the recording, "" if none is known to be missing.
    """

    data: np.ndarray
    sizes: np.ndarray
    fps: float = 0.0
    squared_error: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class EncodedClip:
    """A clip as it is written into a store.

    Attributes:
        glosses: training glosses, cleaned.
        raw_glosses: as annotated; None if they equal `glosses`.
        source: where the frames come from, within the corpus; `core.clip.split_origin` reads it.
        stamp: fingerprint of the recording, to detect a change; "" if unknown.
    """

    id: str
    signer: str
    glosses: tuple[str, ...]
    frames: EncodedFrames
    raw_glosses: tuple[str, ...] | None = None
    translation: str = ""
    source: str = ""
    stamp: str = ""


@dataclass(frozen=True)
class StoreHeader:
    """The facts that all clips of a file share.

    Attributes:
        size: side of the frames in pixels.
        quality: JPEG quality; 0 with other codecs.
        fit: how frames were made square: squash, pad or crop.
        labels: the cleaning that made training glosses: `raw`, or a profile with its version.
        recipe: fingerprint of how the frames were made and from what: clips of equal recipes are interchangeable.
        profile: the normalisation under which the corpus is scored by default.
        preset: the training preset of the corpus.
        shard, shards: number of this file, and of all files.
    """

    corpus: str
    size: Annotated[int, Meta(ge=1, le=PIXELS)]
    quality: Count
    codec: str = "jpeg"
    fit: str = "squash"
    labels: str = "raw"
    recipe: str = ""
    profile: str = "none"
    preset: str = "base"
    shard: int = 0
    shards: int = 1
