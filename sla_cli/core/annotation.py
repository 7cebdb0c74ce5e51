"""Glosses of one recording with times: results of transcription and alignment, and contents of annotation files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sla_cli.core.quantities import Share


@dataclass(frozen=True)
class Sign:
    """A gloss with its times.

    Attributes:
        gloss: as the run's vocabulary spells it
        start: in seconds from the beginning of the recording
        end: likewise, exclusive
        confidence: probability that the gloss is right, without what a language model says; see docs/decoding.md
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
    """

    signs: tuple[Sign, ...]

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


def split_at_pauses(signs: Sequence[Sign], pause: float) -> tuple[Sentence, ...]:
    """Sentences; one ends where at least `pause` seconds pass between the end of a sign and the start of the next."""
    return tuple(map(Sentence, _runs(signs, pause)))


def _runs(signs: Sequence[Sign], pause: float) -> Iterator[tuple[Sign, ...]]:
    begin = 0
    for place in range(1, len(signs) + 1):
        if place == len(signs) or signs[place].start - signs[place - 1].end >= pause:
            yield tuple(signs[begin:place])
            begin = place
