"""What the other clips of a split tell about a place where the recognised gloss differs from the reference.

The clip itself is left out of the counts: its annotation may be the wrong one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from sla_cli.core.edit_alignment import Pair
from sla_cli.core.hypothesis import Glosses

SMOOTHING = 0.3  # added to the count of every pair of a confusion
PRIOR = 1.0  # weight of the gloss's own frequency against the counts of its predecessor
UNSEEN = 0.5  # added to the count of every gloss

START, END = "", " "  # no gloss is empty or white space


class Confusions:
    """How often the references have a gloss, or none, where the run recognises a gloss, or none.

    Args:
        alignments: for each clip, the alignment of its reference and its hypothesis.
        vocabulary: number of glosses.
    """

    def __init__(self, alignments: Iterable[Sequence[Pair]], vocabulary: int) -> None:
        self._outcomes = vocabulary + 1  # or none
        self._pairs: Counter[tuple[str | None, str | None]] = Counter()
        for pairs in alignments:
            self._pairs.update(pair[1:] for pair in pairs)
        self._read: Counter[str | None] = Counter()
        for (_, read), count in self._pairs.items():
            self._read[read] += count

    def rarity(self, pair: Pair, own: Sequence[Pair]) -> float:
        """-ln P(reference | recognised) of a step of the alignment `own` of its clip, counted in the other clips."""
        together = self._pairs[pair[1:]] - sum(other[1:] == pair[1:] for other in own)
        read = self._read[pair.hypothesis] - sum(other.hypothesis == pair.hypothesis for other in own)
        return -math.log((together + SMOOTHING) / (read + SMOOTHING * self._outcomes))


class Bigrams:
    """A gloss bigram model of the references, from which the counts of one clip can be left out.

    P(gloss | before) is the relative frequency after `before`, with PRIOR times P(gloss) added to the count.

    Args:
        references: of all clips.
    """

    def __init__(self, references: Iterable[Glosses]) -> None:
        self._pairs: Counter[tuple[str, str]] = Counter()
        for reference in references:
            self._pairs.update(pairwise((START, *reference, END)))
        self._before, self._after = _sums(self._pairs)
        self._total = sum(self._after.values())

    def fluency(self, reference: Glosses, first: int, last: int, read: Sequence[str]) -> float:
        """How much more probable (natural logarithm) a reference becomes if `read` replaces its glosses first:last."""
        own = Counter(pairwise((START, *reference, END)))
        own_before, own_after = _sums(own)
        rest = self._total - len(reference) - 1

        def log_probability(glosses: Sequence[str]) -> float:
            total = 0.0
            for before, gloss in pairwise(glosses):
                frequency = (self._after[gloss] - own_after[gloss] + UNSEEN) / (rest + UNSEEN * len(self._after))
                count = self._pairs[before, gloss] - own[before, gloss]
                total += math.log((count + PRIOR * frequency) / (self._before[before] - own_before[before] + PRIOR))
            return total

        padded = (START, *reference, END)
        left, right = padded[first : first + 1], padded[last + 1 : last + 2]
        return log_probability((*left, *read, *right)) - log_probability(padded[first : last + 2])


def _sums(pairs: Counter[tuple[str, str]]) -> tuple[Counter[str], Counter[str]]:
    """How often each gloss is first in a bigram, and how often second."""
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for (first, second), count in pairs.items():
        before[first] += count
        after[second] += count
    return before, after
