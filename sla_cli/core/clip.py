"""A clip: one signed sentence and where its pictures lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Source:
    """Where a clip's pictures lie.

    Attributes:
        root: a folder on disk, or an archive (zip, tar) that is read in place.
        path: within root, with `/` between parts: a folder of images, or a video.
        start, end: the part that is meant, in seconds, end exclusive; None is the beginning or the end.
    """

    root: Path
    path: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Clip:
    """One continuous recording of one signer.

    Attributes:
        id: unique within its corpus.
        split: train, dev or test.
        signer: the corpus's name for the person, "" where unknown.
        glosses: annotation as released, split at white space.
        source: where its pictures lie.
        translation: spoken-language sentence, "" where there is none.
        where: what to name in messages, as in `train.corpus.csv, line 7`.
    """

    id: str
    split: str
    signer: str
    glosses: tuple[str, ...]
    source: Source
    translation: str = ""
    where: str = ""


def unknown_glosses(sentences: Iterable[Sequence[str]], vocabulary: Iterable[str]) -> Counter[str]:
    """The glosses that a model of this vocabulary cannot produce, with how often they occur."""
    known = set(vocabulary)
    return Counter(gloss for glosses in sentences for gloss in glosses if gloss not in known)
