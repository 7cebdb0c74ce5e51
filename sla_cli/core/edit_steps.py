"""The steps of the alignment that sclite finds, with memory linear in the longer sentence.

A table of all costs is fast for sentences of usual length, but takes gigabytes for 10,000 glosses. Longer ones
are split as Hirschberg does (Communications of the ACM 18(6), 1975): costs are computed row by row, each cell stores in
which column its path back crosses the middle row, and both halves are aligned separately. The path is the same:
a step from a cell on it has the least cost in the whole table exactly if it has the least cost in its half.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sla_cli.errors import SlaError

CORRECT, INSERTION, DELETION, SUBSTITUTION = 0, 3, 3, 4
SMALL = 1 << 14  # cells up to which a table of lists is faster
MOST = 4_000_000_000  # cells, some minutes; a day of signing has 60,000 glosses

Op: TypeAlias = Literal["C", "S", "D", "I"]
Row: TypeAlias = NDArray[np.int32]


def steps(ref: Sequence[str] | Sequence[int], hyp: Sequence[str] | Sequence[int]) -> list[Op]:
    """C(orrect), S(ubstitution), D(eletion), I(nsertion) of the least cost; of several paths the one that prefers, from
    the end, a diagonal step to a deletion and a deletion to an insertion. The time is that of their product.

    Raises:
        SlaError: the product of their lengths is beyond any recording.
    """
    if _is_small(ref, hyp):
        return _by_table(ref, hyp)
    if list(ref) == list(hyp):
        return ["C"] * len(ref)  # the only path without cost
    if len(ref) * len(hyp) > MOST:
        raise SlaError(
            f"one clip has {len(ref):,} reference glosses and {len(hyp):,} recognised ones: they cannot be compared in "
            "minutes",
            "Divide the recording into clips.",
        )
    numbers: dict[str | int, int] = {}
    ours, theirs = (
        np.array([numbers.setdefault(word, len(numbers)) for word in words], np.int32) for words in (ref, hyp)
    )
    found: list[Op] = []
    _align(ours, theirs, found)
    return found


def _align(ref: Row, hyp: Row, found: list[Op]) -> None:
    """Append the steps of two sentences, whose words are numbers."""
    if _is_small(ref, hyp):
        found += _by_table(ref.tolist(), hyp.tolist())
        return
    middle = len(ref) // 2
    column = _crossing(ref, hyp, middle)
    _align(ref[:middle], hyp[:column], found)
    _align(ref[middle:], hyp[column:], found)


def _is_small(ref: Sized, hyp: Sized) -> bool:
    """Whether a table is faster; with only a few columns or rows its memory is linear anyway."""
    return len(ref) * len(hyp) <= max(SMALL, 8 * (len(ref) + len(hyp)))


def _crossing(ref: Row, hyp: Row, middle: int) -> int:
    """The column in which the path back from the end reaches the row `middle`."""
    columns = np.arange(len(hyp) + 1, dtype=np.int32)
    costs = INSERTION * columns
    crossings = columns
    for number, word in enumerate(ref, start=1):
        diagonal = costs[:-1] + np.where(hyp == word, np.int32(CORRECT), np.int32(SUBSTITUTION))
        deleted = costs + DELETION
        best = deleted.copy()
        np.minimum(best[1:], diagonal, out=best[1:])
        # Insertions can be in sequence: the least of all cells to the left, plus an insertion for each column between.
        costs = np.minimum.accumulate(best - INSERTION * columns) + INSERTION * columns
        if number <= middle:
            continue
        entered = np.where(costs == deleted, crossings, 0)
        is_diagonal = costs[1:] == diagonal
        entered[1:][is_diagonal] = crossings[:-1][is_diagonal]
        enters = costs == best  # from the row above, and else by an insertion from the next such cell to the left
        crossings = entered[np.maximum.accumulate(np.where(enters, columns, 0))]
    return int(crossings[-1])


def _by_table(ref: Sequence[str] | Sequence[int], hyp: Sequence[str] | Sequence[int]) -> list[Op]:
    """Steps from a table of all costs, for short sentences."""
    costs = _costs(ref, hyp)
    i, j = len(ref), len(hyp)
    back: list[Op] = []
    while i or j:
        cost = costs[i][j]
        equal = i > 0 and j > 0 and ref[i - 1] == hyp[j - 1]
        if i and j and cost == costs[i - 1][j - 1] + (CORRECT if equal else SUBSTITUTION):
            i, j = i - 1, j - 1
            back.append("C" if equal else "S")
        elif i and cost == costs[i - 1][j] + DELETION:
            i -= 1
            back.append("D")
        else:
            j -= 1
            back.append("I")
    return back[::-1]


def _costs(ref: Sequence[str] | Sequence[int], hyp: Sequence[str] | Sequence[int]) -> list[list[int]]:
    """(len(ref) + 1, len(hyp) + 1): least cost to align the first i words to the first j."""
    rows = [[INSERTION * j for j in range(len(hyp) + 1)]]
    for i, word in enumerate(ref, start=1):
        above, left = rows[-1], DELETION * i
        row = [left]
        for j, other in enumerate(hyp):
            diagonal = above[j] + (CORRECT if word == other else SUBSTITUTION)
            left = min(diagonal, above[j + 1] + DELETION, left + INSERTION)
            row.append(left)
        rows.append(row)
    return rows
