"""What annotation files of all kinds contain: tiers of text with times, and links to recordings."""

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
        type: its linguistic type, "" if the format has none.
        constraint: constraint of the type, such as `Symbolic_Association`; "" if it has its own times.
        parent: name of the tier that it depends on, "" if there is none.
        participant, annotator: as in the file, "" if not given.
        marks: its annotations in order of the file, also those without text.
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
        relative: path relative to the file, "" if there is none.
        absolute: a URL or path, "" if there is none.
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
