"""A clip: one signed sentence and where its pictures lie."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

SPLITS = ("train", "dev", "test")
NUMBER = r"\d+\.\d+(?:e[+-]\d+)?|\d+e[+-]\d+"  # as Python writes a float that is not negative


@dataclass(frozen=True)
class Source:
    """Where a clip's pictures lie.

    Attributes:
        root: a folder on disk, or an archive (zip, tar) that is read in place.
        path: within root, with `/` between parts: a folder of images, or a video.
        start, end: the part that is meant, in seconds, end exclusive; None is the beginning or the end.
        fps: frames per second of a folder of images, where the annotation says; a video knows its own.
    """

    root: Path
    path: str
    start: float | None = None
    end: float | None = None
    fps: float | None = None


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
        frames: how many pictures the annotation says that it has; 0 where it does not say.
    """

    id: str
    split: str
    signer: str
    glosses: tuple[str, ...]
    source: Source
    translation: str = ""
    where: str = ""
    frames: int = 0


def split_origin(origin: str) -> tuple[str, float | None, float | None]:
    """Path, start and end of `PATH` or `PATH START-END`, as stores say where a clip's frames come from.

    Start and end are in seconds, None for the beginning and the end.
    """
    found = re.fullmatch(rf"(.+) ({NUMBER})?-({NUMBER})?", origin)
    if found is None:
        return origin, None, None
    start, end = (None if number is None else float(number) for number in found.groups()[1:])
    return found[1], start, end


def unknown_glosses(sentences: Iterable[Sequence[str]], vocabulary: Iterable[str]) -> Counter[str]:
    """The glosses that a model of this vocabulary cannot produce, with how often they occur."""
    known = set(vocabulary)
    return Counter(gloss for glosses in sentences for gloss in glosses if gloss not in known)
