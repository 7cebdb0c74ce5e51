"""What a file of a store holds: encoded clips, and the facts that all of them share."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from sla_cli.config.bounds import PIXELS
from sla_cli.core.clip import Times
from sla_cli.core.quantities import Count, Fit, Line

# The datasets of a file: texts with one per clip, and numbers.
TEXTS = ("ids", "signers", "glosses", "raw_glosses", "translations", "sources", "stamps", "notes", "times")
TIME = re.compile(r"[0-9]{1,6}(\.[0-9]{1,3})?-[0-9]{1,6}(\.[0-9]{1,3})?")  # seconds, to a thousandth
NUMBERS = ("clip_offsets", "frame_offsets", "checksums", "clip_fps", "squared_errors")


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
        times: where each of `glosses` is, in seconds of the clip; () if unknown.
    """

    id: str
    signer: str
    glosses: tuple[str, ...]
    frames: EncodedFrames
    raw_glosses: tuple[str, ...] | None = None
    translation: str = ""
    source: str = ""
    stamp: str = ""
    times: Times = ()


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

    corpus: Line
    size: Annotated[int, Meta(ge=1, le=PIXELS)]
    quality: Count
    codec: str = "jpeg"
    fit: Fit = "squash"
    labels: Line = "raw"
    recipe: str = ""
    profile: Line = "none"
    preset: Line = "base"
    shard: int = 0
    shards: int = 1


def times_text(times: Times) -> str:
    """Times as a file has them: `0.04-0.48 0.52-0.9`, "" for none."""
    return " ".join(f"{_seconds(start)}-{_seconds(end)}" for start, end in times)


def _seconds(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def times_of(text: str) -> Times:
    """Times from their text. Raises ValueError for any other text."""
    if not all(map(TIME.fullmatch, text.split())):
        raise ValueError(f"times {text[:80]!r}")
    parts = (pair.split("-") for pair in text.split())
    return tuple((float(start), float(end)) for start, end in parts)


def file_digest(facts: Mapping[str, Any], texts: Mapping[str, Sequence[str]], numbers: Mapping[str, np.ndarray]) -> str:
    """The digest of everything in a file except the frames, which the clips' checksums cover.

    Args:
        facts: the StoreHeader as a dict.
        texts: the columns TEXTS.
        numbers: the columns NUMBERS.
    """
    content = [dict(facts), {name: list(texts[name]) for name in TEXTS}]
    total = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8)
    for name in NUMBERS:
        total.update(f"\n{name} ".encode())
        total.update(np.ascontiguousarray(numbers[name]).data)
    return total.hexdigest()
