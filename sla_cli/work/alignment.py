"""Alignments: where each reference gloss is, one gloss per line. docs/formats.md is the specification.

UTF-8, lines ended by a line feed:

    # sla-alignment 1
    # corpus phoenix2014
    # split train
    clip<TAB>number<TAB>gloss<TAB>start_frame<TAB>end_frame<TAB>start<TAB>end<TAB>confidence<TAB>score<TAB>note
    clip-1<TAB>1<TAB>HEUTE<TAB>0<TAB>12<TAB>0.0<TAB>0.48<TAB>0.98<TAB>0.0<TAB>

Cells are empty if a value is not known: times if the clip has no frame rate, and all except the note if the gloss has
no span. A clip without glosses has one row, with number 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import dropwhile
from pathlib import Path

from sla_cli.artifact.text import read_text
from sla_cli.artifact.version import check_version
from sla_cli.core.aligned_clip import AlignedClip
from sla_cli.errors import FormatError, SlaError
from sla_cli.system.atomic import Check, write_text

NAME, VERSION = "sla-alignment", 1
MAGIC = f"# {NAME} "
COLUMNS = ("clip", "number", "gloss", "start_frame", "end_frame", "start", "end", "confidence", "score", "note")
AGAIN = "Make it again with `sla align --force`."


def write_alignment(
    path: Path,
    clips: Iterable[AlignedClip],
    facts: dict[str, str],
    *,
    check: Check | None = None,
) -> None:
    """Write the segments of clips; the file appears only when it is complete.

    Args:
        facts: facts of all clips: corpus and split.
        check: as for `atomic_write`.

    Raises:
        SlaError: an id or gloss that a line cannot hold.
    """
    head = f"{MAGIC}{VERSION}\n" + "".join(f"# {key} {value}\n" for key, value in facts.items())
    rows = ["\t".join(row) + "\n" for clip in clips for row in _rows(clip)]
    write_text(path, f"{head}{chr(9).join(COLUMNS)}\n{''.join(rows)}", check=check)


def read_alignment(path: Path) -> list[dict[str, str]]:
    """The rows of an alignment by column, as text. Raises FormatError if it is not an alignment of this version."""
    lines = read_text(path).split("\n")
    if not lines[0].startswith(MAGIC):
        raise FormatError(f"{path}, line 1: not an alignment of sla: {lines[0][:80]!r}", AGAIN)
    number = lines[0].removeprefix(MAGIC)
    check_version(path, NAME, VERSION, number, AGAIN)
    rows = list(dropwhile(lambda line: line.startswith("# "), lines))
    if rows[:1] != ["\t".join(COLUMNS)] or rows.pop():
        raise FormatError(f"{path}: cut off, or without the header {' '.join(COLUMNS)}", AGAIN)
    for line, row in enumerate(rows, start=len(lines) - len(rows)):  # the last one, which is empty, was dropped
        if row.count("\t") != len(COLUMNS) - 1:
            raise FormatError(f"{path}, line {line}: not a row of {len(COLUMNS)} cells: {row[:80]!r}", AGAIN)
    return [dict(zip(COLUMNS, row.split("\t"), strict=True)) for row in rows[1:]]


def _rows(clip: AlignedClip) -> Iterator[tuple[str, ...]]:
    if not clip.segments:
        yield (clip.id, "0", *[""] * 7, clip.note)
    for number, segment in enumerate(clip.segments, start=1):
        if any(char in text for text in (clip.id, segment.gloss) for char in "\t\n\r"):
            raise SlaError(f"clip {clip.id!r}: the id or the gloss {segment.gloss!r} holds a tab or line break")
        head = (clip.id, str(number), segment.gloss)
        if segment.span is None:
            yield (*head, *[""] * 6, segment.note)
            continue
        times = (f"{round(frame / clip.fps, 4)}" if clip.fps else "" for frame in segment.span)
        yield (*head, *map(str, segment.span), *times, str(segment.confidence), str(segment.score), "")
