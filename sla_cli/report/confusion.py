"""Confusions of the glosses with most errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sla_cli.core.breakdown import Breakdown, Confusion, GlossCounts
from sla_cli.core.clip_score import ClipScore

MATRIX, LISTED = 20, 15  # most glosses of a matrix, most lines of a table


@dataclass(frozen=True)
class ErrorTables:
    """The errors of one system.

    Attributes:
        glosses: those of the matrix.
        rows: counts for each of them in the references. Columns are the same glosses in the hypotheses, then any other
            gloss, then deletions.
        insertions: counts for each of them.
        confusions: pairs of glosses, most frequent first.
        worst: glosses with most errors, the worst first.
    """

    glosses: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]
    insertions: tuple[int, ...]
    confusions: tuple[Confusion, ...]
    worst: tuple[GlossCounts, ...]


def error_tables(systems: Sequence[Sequence[ClipScore]]) -> list[ErrorTables]:
    """The errors of each system; all matrices have the same glosses, those with most errors over all systems."""
    worst = Breakdown([clip for clips in systems for clip in clips]).glosses[:MATRIX]
    glosses = tuple(gloss.gloss for gloss in worst if gloss.errors)
    return [_error_tables(clips, glosses) for clips in systems]


def _error_tables(clips: Sequence[ClipScore], glosses: tuple[str, ...]) -> ErrorTables:
    where, steps = Breakdown(clips), _steps(clips)
    named = [gloss.lower() for gloss in glosses]
    return ErrorTables(
        glosses=glosses,
        rows=tuple(_row(steps, signed, named) for signed in named),
        insertions=tuple(steps[None, recognised] for recognised in named),
        confusions=tuple(where.confusions[:LISTED]),
        worst=tuple(gloss for gloss in where.glosses[:LISTED] if gloss.errors),
    )


def _steps(clips: Sequence[ClipScore]) -> Counter[tuple[str | None, str | None]]:
    """How often each pair of reference and hypothesis occurs in the alignments, ignoring case."""
    return Counter(
        (reference and reference.lower(), hypothesis and hypothesis.lower())
        for clip in clips
        for _, reference, hypothesis in clip.pairs
    )


def _row(steps: Counter[tuple[str | None, str | None]], signed: str, named: Sequence[str]) -> tuple[int, ...]:
    of_row = {recognised: count for (reference, recognised), count in steps.items() if reference == signed}
    inside = [of_row.pop(recognised, 0) for recognised in named]
    deleted = of_row.pop(None, 0)
    return (*inside, sum(of_row.values()), deleted)
