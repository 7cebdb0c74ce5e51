"""Signs with times for files: integer milliseconds, end exclusive; no sign is empty or overlaps the next."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from sla_cli.core.annotation import Annotation
from sla_cli.core.hypothesis import NO_GLOSS
from sla_cli.errors import SlaError

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # https://www.w3.org/TR/xml/#charsets


class Interval(NamedTuple):
    """Text with times: milliseconds from the beginning of the recording, end exclusive."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class TimedSign:
    """A gloss; times in milliseconds, end exclusive, confidence from 0 to 1."""

    gloss: str
    start: int
    end: int
    confidence: float

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end, self.gloss)

    @property
    def confidence_text(self) -> str:
        """The number as text, in the form of all text files in this room and of CTM."""
        return f"{self.confidence:.4f}"


TimedSentence = tuple[TimedSign, ...]  # at least one


def in_milliseconds(annotation: Annotation) -> tuple[TimedSentence, ...]:
    """The sentences with their times rounded.

    A sign lasts at least 1 ms. If rounding makes it overlap the previous sign, it begins where that one ends.

    Raises:
        SlaError: a gloss is not a word, or holds a character that no file can hold.
    """
    timed, before = list[TimedSentence](), 0
    for sentence in annotation.sentences:
        signs = []
        for sign in sentence.signs:
            check_gloss(sign.gloss)
            start = max(round(sign.start * 1000), before)
            before = max(round(sign.end * 1000), start + 1)
            signs.append(TimedSign(sign.gloss, start, before, sign.confidence))
        timed.append(tuple(signs))
    return tuple(timed)


def check_gloss(gloss: str) -> None:
    """Raise SlaError for a text that is no gloss."""
    if NO_GLOSS.search(gloss):
        message = f"gloss {gloss[:40]!r} is empty, or holds white space or control characters"
        raise SlaError(message, "Join its parts with a hyphen, or correct the vocabulary.")


def sentence_interval(sentence: TimedSentence) -> Interval:
    """From the start of its first sign to the end of its last, with the glosses as text."""
    return Interval(sentence[0].start, sentence[-1].end, " ".join(sign.gloss for sign in sentence))


def seconds(milliseconds: int) -> str:
    """Seconds with three decimals."""
    return f"{milliseconds // 1000}.{milliseconds % 1000:03d}"


def printable(text: str) -> str:
    """One line of text that every file can hold, for notes that only people read."""
    return " ".join(NOT_XML.sub("\ufffd", text).split())
