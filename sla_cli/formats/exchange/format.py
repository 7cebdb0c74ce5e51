"""What a foreign format is: its grammar, how a line of it is recognised, and how it is read and written.

A new format is a file beside this one that defines a `Format`, and a line in `registry.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError, SlaError

NbestLists = Sequence[Sequence[Hypothesis]]  # the hypotheses of each clip, best first


class Utterance(NamedTuple):
    """One clip of a file: the line that names it, its id, and its glosses.

    Attributes:
        hypotheses: best first; a reference, or the answer of a format without alternatives, is alone.
        signer: "" where the format or the file does not name it.
    """

    line: int
    id: str
    hypotheses: Sequence[Hypothesis]
    signer: str = ""


@dataclass(frozen=True)
class Format:
    """A foreign format.

    Attributes:
        name: of the format, which is also the suffix of its files.
        title: what the format is called in messages.
        read: from text and file name (for messages) to clips, in file order. Raises FormatError with the line.
        fits: whether a line can be one of this format; a line that nothing else fits decides for a file.
        begins: whether the beginning of a text can be of no other format.
        write: the text of a file, in pieces. Raises SlaError for what the format cannot hold. None: it is only read.
        omits_empty_clips: the format cannot say that nothing was recognised in a clip.
    """

    name: str
    title: str
    read: Callable[[str, str], Iterator[Utterance]]
    fits: Callable[[str], bool] = lambda line: False
    begins: Callable[[str], bool] = lambda text: False
    write: Callable[[NbestLists], Iterator[str]] | None = None
    omits_empty_clips: bool = False


def utterance(line: int, name: str, glosses: Sequence[str], signer: str = "") -> Utterance:
    """A clip without alternatives, white space around its id taken away."""
    return Utterance(line, name.strip(), [Hypothesis(name.strip(), tuple(glosses))], signer.strip())


def content_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without comments (`;;`) and empty lines."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.startswith(";;"):
            yield number, line


def fitting_lines(
    text: str, name: str, fits: Callable[[str], bool], title: str, grammar: str
) -> Iterator[tuple[int, str]]:
    """As `content_lines`. Raises FormatError at a line that does not fit."""
    for number, line in content_lines(text):
        if not fits(line):
            raise FormatError(f"{name}, line {number}: not a line of {title}: {line[:80]!r}", f"Expected: {grammar}.")
        yield number, line


def is_time(text: str) -> bool:
    """Whether a field is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def gloss_times(hypothesis: Hypothesis) -> tuple[tuple[float, float], ...]:
    """Start and end of each gloss in seconds. Raises SlaError where spans or frame rate are not known."""
    if not hypothesis.glosses:
        return ()
    if not hypothesis.fps:
        raise SlaError(
            f"no frame rate is known for clip {hypothesis.id}, so there are no seconds", "Write trn, csv or jsonl."
        )
    if len(hypothesis.spans) != len(hypothesis.glosses):
        raise SlaError(f"clip {hypothesis.id}: its glosses have no spans", "Write trn, csv or jsonl.")
    return hypothesis.times


def check_id(name: str, kind: str, forbidden: str) -> None:
    """Raise SlaError for a clip id that would be read back as something else."""
    if any(char.isspace() or char in forbidden for char in name):
        raise SlaError(
            f"clip id {name!r} does not fit in a {kind}: it holds white space or one of {' '.join(forbidden)}",
            "Write csv or jsonl, which hold any id.",
        )
