"""Confusions of the glosses with most errors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sla_cli.core.breakdown import Breakdown, Confusion, GlossCounts
from sla_cli.core.clip_score import ClipScore

MATRIX, LISTED = 20, 15  # most glosses of a matrix, most lines of a table


@dataclass(frozen=True)
class Cell:
    """A count, its share of the row from 0 to 1, and whether it is a correct recognition."""

    count: int
    share: float
    right: bool = False


@dataclass(frozen=True)
class Matrix:
    """A row of cells for each gloss of the references and one for insertions.

    Columns are the same glosses in the hypotheses, then any other gloss, then deletions.
    """

    glosses: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    insertions: tuple[Cell, ...]


@dataclass(frozen=True)
class ErrorTables:
    """The errors of one system: the matrix, pairs with their counts, and glosses; most frequent first."""

    matrix: Matrix
    confusions: tuple[Confusion, ...]
    worst: tuple[GlossCounts, ...]


def error_tables(systems: Sequence[Sequence[ClipScore]]) -> list[ErrorTables]:
    """The confusions of each system; all matrices have the same glosses, those with most errors over all systems."""
    worst = Breakdown([clip for clips in systems for clip in clips]).glosses[:MATRIX]
    glosses = [gloss.gloss for gloss in worst if gloss.errors]
    return [
        ErrorTables(
            _matrix(clips, glosses),
            tuple(where.confusions[:LISTED]),
            tuple(gloss for gloss in where.glosses[:LISTED] if gloss.errors),
        )
        for clips, where in zip(systems, map(Breakdown, systems), strict=True)
    ]


def _matrix(clips: Sequence[ClipScore], glosses: Sequence[str]) -> Matrix:
    """Counts of alignment steps between `glosses`, ignoring case."""
    steps = Counter(
        (reference and reference.lower(), hypothesis and hypothesis.lower())
        for clip in clips
        for _, reference, hypothesis in clip.pairs
    )
    named = [gloss.lower() for gloss in glosses]
    rows = []
    for signed in named:
        of_row = {recognised: count for (reference, recognised), count in steps.items() if reference == signed}
        inside = [of_row.pop(recognised, 0) for recognised in named]
        deleted = of_row.pop(None, 0)
        rows.append(_cells([*inside, sum(of_row.values()), deleted], right=named.index(signed)))
    return Matrix(tuple(glosses), tuple(rows), _cells([steps[None, recognised] for recognised in named]))


def _cells(counts: Sequence[int], right: int = -1) -> tuple[Cell, ...]:
    whole = sum(counts) or 1
    return tuple(Cell(count, count / whole, place == right) for place, count in enumerate(counts))
