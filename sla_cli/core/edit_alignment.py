"""Alignment of a hypothesis to its reference as NIST's sclite does it, and the counts that follow from it.

sclite minimises a weighted cost, not the number of errors, so plain Levenshtein splits errors otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sla_cli.errors import SlaError

CORRECT, INSERTION, DELETION, SUBSTITUTION = 0, 3, 3, 4
ALIGNMENT = f"sclite({CORRECT},{INSERTION},{DELETION},{SUBSTITUTION})"


class Pair(NamedTuple):
    """One step of an alignment: C(orrect), S(ubstitution), D(eletion: no hypothesis), I(nsertion: no reference)."""

    op: Literal["C", "S", "D", "I"]
    reference: str | None
    hypothesis: str | None


@dataclass(frozen=True)
class Counts:
    """Counts of alignment steps. Counts add, rates do not: add first, then ask for the rate."""

    correct: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{step: number + getattr(other, step) for step, number in vars(self).items()})

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def ref_words(self) -> int:
        return self.correct + self.substitutions + self.deletions

    @property
    def wer(self) -> float:
        """Word error rate in percent of the reference words; above 100 where insertions abound.

        Raises:
            SlaError: there are no reference words, so no rate.
        """
        if not self.ref_words:
            raise SlaError("the references hold no words, so there is no word error rate")
        return 100.0 * self.errors / self.ref_words


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Pair]:
    """Alignment of least cost; of several, the one sclite finds: from the end, diagonal, deletion, insertion.

    Glosses are compared without regard to case, and returned as given.
    """
    ref, hyp = [gloss.lower() for gloss in reference], [gloss.lower() for gloss in hypothesis]
    costs = _costs(ref, hyp)
    i, j = len(ref), len(hyp)
    pairs: list[Pair] = []
    while i or j:
        cost = costs[i][j]
        equal = i > 0 and j > 0 and ref[i - 1] == hyp[j - 1]
        if i and j and cost == costs[i - 1][j - 1] + (CORRECT if equal else SUBSTITUTION):
            i, j = i - 1, j - 1
            pairs.append(Pair("C" if equal else "S", reference[i], hypothesis[j]))
        elif i and cost == costs[i - 1][j] + DELETION:
            i -= 1
            pairs.append(Pair("D", reference[i], None))
        else:
            j -= 1
            pairs.append(Pair("I", None, hypothesis[j]))
    return pairs[::-1]


def count(pairs: Iterable[Pair]) -> Counts:
    """How often each step occurs."""
    ops = [pair.op for pair in pairs]
    return Counts(ops.count("C"), ops.count("S"), ops.count("D"), ops.count("I"))


def _costs(ref: list[str], hyp: list[str]) -> list[list[int]]:
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
