"""Glosses of one recording with times: results of transcription and alignment, and contents of annotation files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from sla_cli.core.arguments import as_number, as_path, as_text, as_texts, check_types
from sla_cli.core.quantities import Share
from sla_cli.errors import SlaError

A = TypeVar("A", bound="Annotation")
UNKNOWN = "?"  # gloss of a sign that is too unsure
LONGEST = 1e8  # seconds: three years, which milliseconds of a file still hold
ROUNDING = 1e-3  # seconds by which a sign may begin before the previous one ends: times are rounded, as files do


@dataclass(frozen=True)
class Sign:
    """A gloss with its times.

    Attributes:
        gloss: as the run's vocabulary spells it; `?` if it is less sure than `--min-confidence`
        start: in seconds from the beginning of the recording
        end: likewise, exclusive
        confidence: probability that the gloss is right, without what a language model says
    """

    gloss: str
    start: float
    end: float
    confidence: Share


@dataclass(frozen=True)
class Sentence:
    """Signs without a pause between them.

    Attributes:
        signs: in order of time, at least one.

    Raises:
        SlaError: there is no sign, or something else than signs.
    """

    signs: tuple[Sign, ...]

    def __post_init__(self) -> None:
        check_types(self.signs, "signs of a sentence", Sign, stored=True)
        if not self.signs:
            raise SlaError("a sentence has no sign", "Leave it out.")

    @property
    def start(self) -> float:
        """That of the first sign, in seconds of the recording."""
        return self.signs[0].start

    @property
    def end(self) -> float:
        """That of the last sign, in seconds, exclusive."""
        return self.signs[-1].end

    @property
    def text(self) -> str:
        """The glosses, separated by spaces."""
        return " ".join(sign.gloss for sign in self.signs)


@dataclass(frozen=True)
class Annotation:
    """The signs of one recording.

    Attributes:
        name: of the recording, without folder and ending.
        media: the video that it annotates, None if there is no single file.
        duration: of the recording, in seconds.
        sentences: in order of time; no sign overlaps the next.
        made: how it was made (run, weights, windows), name to value, for people to read.
    """

    name: str
    media: Path | None
    duration: float
    sentences: tuple[Sentence, ...]
    made: Mapping[str, str] = field(default_factory=dict)

    @property
    def signs(self) -> tuple[Sign, ...]:
        """All signs in order of time."""
        return tuple(sign for sentence in self.sentences for sign in sentence.signs)


def known(gloss: str, confidence: float, least: float) -> str:
    """The gloss, or UNKNOWN if its confidence is less than `least`."""
    return gloss if confidence >= least else UNKNOWN


def made_known(least: float) -> dict[str, str]:
    """What `made` of a recognition says of `known`; nothing if it keeps every gloss."""
    return {"min_confidence": f"{UNKNOWN} for glosses below {least:g}"} if least else {}


def checked_annotation(annotation: A) -> A:
    """An annotation with the types that its fields say: floats, and `media` as a path.

    Raises:
        SlaError: a field has another type, a number that no file can hold, or signs are not in order of time.
    """
    as_text(annotation.name, "name of a transcript")
    check_types(annotation.sentences, "sentences of a transcript", Sentence, stored=True)
    sentences = tuple(Sentence(checked_signs(one.signs)) for one in annotation.sentences)
    if not isinstance(annotation.made, Mapping):
        raise SlaError("made of a transcript is no mapping", "Give names and texts.")
    as_texts([*annotation.made, *annotation.made.values()], "made of a transcript")
    checked = replace(
        annotation,
        media=None if annotation.media is None else as_path(annotation.media, "media of a transcript"),
        duration=as_number(annotation.duration, "duration of a transcript", 0, LONGEST),
        sentences=sentences,
    )
    for before, sign in pairwise(checked.signs):
        if sign.start < before.end - ROUNDING:
            place = f"{sign.gloss!r} at {sign.start:g} s follows {before.gloss!r}, which ends at {before.end:g} s"
            raise SlaError(f"signs are not in order, or overlap: {place}", "Sort them, and let none overlap the next.")
    return checked


def checked_signs(signs: Iterable[Sign]) -> tuple[Sign, ...]:
    """Signs whose numbers are floats. Raises SlaError for anything but a tuple or list of them."""
    check_types(signs, "signs of a transcript", Sign, stored=True)
    return tuple(map(_checked_sign, signs))


def _checked_sign(sign: Sign) -> Sign:
    gloss = as_text(sign.gloss, "gloss of a sign")
    start = as_number(sign.start, f"start of {gloss!r}", 0, LONGEST)
    end = as_number(sign.end, f"end of {gloss!r}", start, LONGEST)
    return Sign(gloss, start, end, as_number(sign.confidence, f"confidence of {gloss!r}", 0, 1))


def split_at_pauses(signs: Sequence[Sign], pause: float) -> tuple[Sentence, ...]:
    """Sentences; one ends where at least `pause` seconds pass between the end of a sign and the start of the next."""
    return tuple(map(Sentence, _runs(signs, pause)))


def is_pause(end: float, start: float, pause: float) -> bool:
    """Whether at least `pause` seconds pass between two times, in whole milliseconds: sums of floats are not exact."""
    return round(start - end, 3) >= round(pause, 3)


def _runs(signs: Sequence[Sign], pause: float) -> Iterator[tuple[Sign, ...]]:
    begin = 0
    for place in range(1, len(signs) + 1):
        if place == len(signs) or is_pause(signs[place - 1].end, signs[place].start, pause):
            yield tuple(signs[begin:place])
            begin = place
