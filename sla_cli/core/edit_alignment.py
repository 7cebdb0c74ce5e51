"""Alignment of a hypothesis to its reference as NIST's sclite does it, and the resulting counts.

sclite minimises a weighted cost, not the number of errors, so plain Levenshtein gives other numbers of substitutions,
deletions and insertions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sla_cli.core.edit_steps import CORRECT, DELETION, INSERTION, SUBSTITUTION, Op, steps
from sla_cli.core.edit_steps_together import steps_of_all
from sla_cli.errors import SlaError

KEPT = 1 << 16  # different counts of a corpus's clips: equal counts share one object
ALIGNMENT = f"sclite({CORRECT},{INSERTION},{DELETION},{SUBSTITUTION})"


class Pair(NamedTuple):
    """One step of an alignment.

    Attributes:
        op: C(orrect), S(ubstitution), D(eletion) or I(nsertion).
        reference: the gloss, None of an insertion.
        hypothesis: the gloss, None of a deletion.
    """

    op: Op
    reference: str | None
    hypothesis: str | None


@dataclass(frozen=True)
class Counts:
    """Counts of alignment steps. Counts add, rates do not: add first, then ask for the rate.

    Attributes:
        correct: glosses that are recognised.
        substitutions: glosses in whose place another one is recognised.
        deletions: glosses of the reference in whose place nothing is recognised.
        insertions: glosses that are recognised where the reference has nothing.
    """

    correct: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0

    def __add__(self, other: Counts) -> Counts:
        return total((self, other))

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def ref_words(self) -> int:
        """Glosses of the references."""
        return self.correct + self.substitutions + self.deletions

    @property
    def wer(self) -> float:
        """Word error rate in percent of the reference words; above 100 if there are many insertions.

        Raises:
            SlaError: there are no reference words, so no rate.
        """
        if not self.ref_words:
            raise SlaError("the references hold no words, so there is no word error rate")
        return 100.0 * self.errors / self.ref_words


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Pair]:
    """Alignment of least cost; of several, the one that sclite finds: from the end, diagonal, then deletion, then
    insertion.

    Glosses are compared without case, and returned as given. Memory is linear in the longer sentence.
    """
    found = steps([gloss.lower() for gloss in reference], [gloss.lower() for gloss in hypothesis])
    return _pairs(found, reference, hypothesis, {})


def align_all(references: Sequence[Sequence[str]], hypotheses: Sequence[Sequence[str]]) -> Iterator[list[Pair]]:
    """The result of `align` for each pair of reference and hypothesis, in a tenth of the time.

    Equal pairs share one object: a corpus has few different ones.
    """
    known: dict[tuple[Op, str | None, str | None], Pair] = {}
    for each in zip(steps_of_all(references, hypotheses), references, hypotheses, strict=True):
        yield _pairs(*each, known)


def count(pairs: Iterable[Pair]) -> Counts:
    """How often each step occurs."""
    ops = [pair[0] for pair in pairs]
    return _counts(ops.count("C"), ops.count("S"), ops.count("D"), ops.count("I"))


_counts = lru_cache(KEPT)(Counts)


def total(counts: Collection[Counts]) -> Counts:
    """The sum of counts."""
    return Counts(
        sum([one.correct for one in counts]),
        sum([one.substitutions for one in counts]),
        sum([one.deletions for one in counts]),
        sum([one.insertions for one in counts]),
    )


def _pairs(
    found: Iterable[Op],
    reference: Iterable[str],
    hypothesis: Iterable[str],
    known: dict[tuple[Op, str | None, str | None], Pair],
) -> list[Pair]:
    """Steps with their glosses; a pair that is `known` is taken from there."""
    ours, theirs = iter(reference), iter(hypothesis)
    pairs = []
    for op in found:
        step = (op, None if op == "I" else next(ours), None if op == "D" else next(theirs))
        pairs.append(known.get(step) or known.setdefault(step, Pair(*step)))
    return pairs
