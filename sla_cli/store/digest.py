"""The digest of a store's file: of everything in it except the frames, which the clips' checksums cover."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TEXTS = ("ids", "signers", "glosses", "raw_glosses", "translations", "sources", "stamps", "notes")  # one per clip
NUMBERS = ("clip_offsets", "frame_offsets", "checksums", "clip_fps", "squared_errors")


def file_digest(facts: Mapping[str, Any], texts: Mapping[str, Sequence[str]], numbers: Mapping[str, np.ndarray]) -> str:
    """The digest of a file's header, texts and numbers.

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
