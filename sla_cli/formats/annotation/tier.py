"""What annotation files of all kinds hold: tiers of text in time, and links to recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Mark(NamedTuple):
    """An annotation: its times in milliseconds on the file's timeline, end exclusive, and the line it begins on."""

    start: int
    end: int
    text: str
    line: int


@dataclass(frozen=True)
class Tier:
    """A tier.

    Attributes:
        type: its linguistic type, "" where the format has none.
        constraint: of the type, as `Symbolic_Association`; "" for times of its own.
        parent: name of the tier that it depends on, "" where there is none.
        participant, annotator: as the file says, "" where it does not.
        marks: its annotations, those without text included, in order of the file.
    """

    name: str
    marks: Sequence[Mark]
    type: str = ""
    constraint: str = ""
    parent: str = ""
    participant: str = ""
    annotator: str = ""


@dataclass(frozen=True)
class MediaLink:
    """A recording that a file names.

    Attributes:
        relative: path relative to the file, "" where there is none.
        absolute: a URL or path, "" where there is none.
        sound: whether it has no pictures.
        origin: milliseconds of the recording at which the file's timeline begins.
    """

    relative: str
    absolute: str
    sound: bool = False
    origin: int = 0


@dataclass(frozen=True)
class AnnotationFile:
    """The content of an annotation file."""

    tiers: Sequence[Tier]
    links: Sequence[MediaLink] = ()
