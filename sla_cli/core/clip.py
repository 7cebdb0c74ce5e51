"""A clip: one signed sentence and where its pictures are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.core.alike import plain_name

SPLITS = ("train", "dev", "test")
# Names that tables give them, in small letters.
SPLIT_NAMES = {name: name for name in SPLITS} | dict.fromkeys(("val", "valid", "validation", "development"), "dev")
MEDIA = "media:"  # begins the origin of a clip whose recording is in a separate folder, not in the corpus
NUMBER = r"\d+\.\d+(?:e[+-]\d+)?|\d+e[+-]\d+"  # as Python writes a float that is not negative


def split_of_name(name: str) -> str | None:
    """train, dev or test, also from other names that tables give them; None for anything else."""
    return SPLIT_NAMES.get(name.strip().lower())


@dataclass(frozen=True)
class Source:
    """Where a clip's pictures are.

    Attributes:
        root: a folder on disk, or an archive (zip, tar) that is read in place.
        path: within root, with `/` between parts: a folder of images, or a video.
        start, end: the part of the recording, in seconds, end exclusive; None is the beginning or the end.
        fps: frames per second of a folder of images, if the annotation states it; a video has its own.
        stamp: fingerprint of the recording when prep looked at it, to detect a change; "" if unknown.
    """

    root: Path
    path: str
    start: float | None = None
    end: float | None = None
    fps: float | None = None
    stamp: str = ""


Times = tuple[tuple[float, float], ...]  # start and end of glosses, in seconds of their clip


@dataclass(frozen=True)
class Clip:
    """One continuous recording of one signer.

    Attributes:
        id: unique within its corpus.
        signer: the corpus's name for the person, "" if unknown; prep writes it in normal form C.
        glosses: annotation as released, split at white space.
        source: where its pictures are.
        translation: spoken-language sentence, "" if there is none.
        where: place of the annotation for messages, such as `train.corpus.csv, line 7`.
        frames: number of pictures according to the annotation; 0 if it gives none.
        times: where each gloss is, of `training` once that is there; () if the annotation does not say it.
        training: training glosses: `glosses`, cleaned; prep adds them.
        origin: where the frames come from within the corpus (`origin_of`); prep adds it.
    """

    id: str
    signer: str
    glosses: tuple[str, ...]
    source: Source
    translation: str = ""
    where: str = ""
    frames: int = 0
    times: Times = ()
    training: tuple[str, ...] = ()
    origin: str = ""


def signer_key(name: str) -> str:
    """What the names of one person share, however a table writes capitals, and spaces around a name.

    A byte order mark is left in a name where files were joined; nobody sees it.
    """
    return plain_name(name.replace("\ufeff", "").strip())


def one_spelling(names: Iterable[str]) -> list[str]:
    """The names of people, each person's as it is written first."""
    first: dict[str, str] = {}
    return [first.setdefault(signer_key(name), name) for name in names]


def sign_frames(times: Times, fps: float, length: int) -> list[tuple[int, int]]:
    """The frames of each gloss of a clip of `length` frames: start and end, end exclusive, at least one frame."""
    starts = [min(round(start * fps), length - 1) for start, _ in times]
    ends = [min(round(end * fps), length) for _, end in times]
    return [(start, max(end, start + 1)) for start, end in zip(starts, ends, strict=True)]


def origin_of(source: Source, root: Path, media: Path | None = None) -> str:
    """Where a clip's frames come from within its corpus: `PATH`, or `PATH START-END` in seconds.

    A recording outside the corpus is named `media:PATH` if it is in the folder `media`, else by its whole path.
    """
    inside = next((folder for folder in (root, media) if folder and source.root.is_relative_to(folder)), None)
    base = source.root.relative_to(inside).as_posix() if inside else str(source.root)
    path = source.path if base == "." else f"{base}/{source.path}"
    path = f"{MEDIA}{path}" if inside and inside != root else path
    if source.start is None and source.end is None:
        whole = split_origin(path)[0] == path
        return path if whole else f"{path} 0.0-"  # its name ends as if it were a part
    start, end = ("" if time is None else repr(float(time)) for time in (source.start, source.end))
    return f"{path} {start}-{end}"


def split_origin(origin: str) -> tuple[str, float | None, float | None]:
    """Path, start and end of `PATH` or `PATH START-END`, the form in which stores record where a clip comes from.

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
