"""A clip: one signed sentence and where its frames lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Clip:
    """One continuous recording of one signer.

    Attributes:
        id: unique within its split.
        split: train, dev or test.
        signer: the corpus's name for the person, "" where unknown.
        glosses: annotation as released, split at white space.
        source: the folder of its frames.
        length: frames.
    """

    id: str
    split: str
    signer: str
    glosses: tuple[str, ...]
    source: Path
    length: int
