"""Definition of a foreign format: its grammar, how a line of it is recognised, and how it is read and written.

A new format is a file next to this one that defines a `Format`, and a line in `gloss_files.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, NamedTuple

from sla_cli.core.alike import in_one_form
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.errors import FormatError

COMMENT = ";;"  # as in the files of sclite

NbestLists = Sequence[Sequence[Hypothesis]]  # the hypotheses of each clip, best first


class Utterance(NamedTuple):
    """One clip of a file: the line that names it, its id, and its glosses.

    Attributes:
        hypotheses: best first; only one for a reference, or in a format without alternatives.
        signer: "" if the format or the file does not name it.
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
        title: name of the format in messages.
        read: from text and file name (for messages) to clips, in file order. Raises FormatError with the line.
        parse: the parts of a line, None if it is not of this format; the first line of only one format decides for a
            file.
        grammar: what a line looks like, for messages; "" if `read` has its own.
        write: the lines of a file; None if sla only reads the format. Raises SlaError for what it cannot hold.
        begins: whether a text begins in a way that only this format has.
        own: whether `write` would begin a file with such a line; None is each line that `parse` takes. A new file may
            replace one that begins like this.
        not_in_ids: characters that a written clip id must not contain; if there are any, white space is not allowed
            too.
        timed: whether writing needs the times of all glosses.
        omits_empty_clips: the format cannot express that nothing was recognised in a clip.
        comment: whether a line is a comment.
    """

    name: str
    title: str
    read: Callable[[str, str], Iterator[Utterance]]
    parse: Callable[[str], Any] = lambda line: None
    grammar: str = ""
    write: Callable[[NbestLists], Iterator[str]] | None = None
    begins: Callable[[str], bool] = lambda text: False
    own: Callable[[str], bool] | None = None
    not_in_ids: str = ""
    timed: bool = False
    omits_empty_clips: bool = False
    comment: Callable[[str], bool] = lambda line: line.startswith(COMMENT)


def utterance(line: int, name: str, glosses: Sequence[str], signer: str = "") -> Utterance:
    """A clip without alternatives; white space around its id is removed. Equal glosses share one object."""
    name = name.strip()
    return Utterance(line, name, [Hypothesis(name, tuple(map(intern, glosses)))], in_one_form(signer.strip()))


def content_lines(text: str, comment: Callable[[str], bool] = Format.comment) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without comments and empty lines."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not comment(line):
            yield number, line


def parsed_lines(text: str, name: str, kind: Format) -> Iterator[tuple[int, Any]]:
    """The parts of each content line, with the line number.

    Raises:
        FormatError: a line that is not of the format; the message has the grammar.
    """
    for number, line in content_lines(text, kind.comment):
        found = kind.parse(line)
        if found is None:
            article = "an" if kind.title.startswith("S") else "a"
            raise FormatError(
                f"{name}, line {number}: not a line of {article} {kind.title}: {line[:80]!r}",
                f"Expected: {kind.grammar}.",
            )
        yield number, found
