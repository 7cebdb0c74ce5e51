"""The steps of many sentences, computed side by side: the same as those of `edit_steps`, sentence by sentence.

The cost tables of sentences of about the same length are one array. It is filled row by row, then followed back step
by step, for all sentences at once. Shorter sentences are padded at their ends, which no path back passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.edit_steps import DELETION, INSERTION, SMALL, SUBSTITUTION, Op, steps
from sla_cli.core.word_numbers import WordNumbers

CELLS = 1 << 20  # cells of the tables held at a time

Numbers: TypeAlias = NDArray[np.int32]
Places: TypeAlias = NDArray[np.intp]


def steps_of_all(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> list[Sequence[Op]]:
    """The result of `edit_steps.steps` for each pair of reference and hypothesis, in lower case."""
    numbers = WordNumbers()
    ours, theirs = (_numbered(side, numbers) for side in (refs, hyps))
    found: list[Sequence[Op]] = [()] * len(refs)
    for group in _groups(ours.lengths, theirs.lengths):
        if len(group) == 1 and ours.lengths[group[0]] * theirs.lengths[group[0]] > SMALL:
            found[group[0]] = steps(ours.words_of(group[0]), theirs.words_of(group[0]))
            continue
        # Two numbers that no word has: padding equals nothing, not even the padding on the other side.
        tables = ours.padded(group, -1), theirs.padded(group, -2)
        ends = ours.lengths[group], theirs.lengths[group]
        for number, ops in zip(group, _back(_costs(*tables), *tables, *ends), strict=True):
            found[number] = ops
    return found


@dataclass(frozen=True)
class _Side:
    """Sentences as numbers: all words one after the other, and where each sentence begins."""

    words: Numbers
    starts: Places
    lengths: Places

    def words_of(self, number: int) -> list[int]:
        return cast("list[int]", self.words[self.starts[number] :][: self.lengths[number]].tolist())

    def padded(self, group: Sequence[int], fill: int) -> Numbers:
        """(sentences, longest): their words, and `fill` after the end of each; at least one column."""
        columns = np.arange(max(1, self.lengths[group].max()))
        inside = columns < self.lengths[group][:, None]
        places = np.where(inside, self.starts[group][:, None] + columns, len(self.words) - 1)
        return np.where(inside, self.words[places], np.int32(fill))


def _numbered(sentences: Sequence[Sequence[str]], numbers: WordNumbers) -> _Side:
    lengths = np.array(list(map(len, sentences)), np.intp)
    # One more, so that the array is not empty if no sentence has a word.
    words = chain(map(numbers.__getitem__, chain.from_iterable(sentences)), [0])
    return _Side(np.fromiter(words, np.int32), np.cumsum(lengths) - lengths, lengths)


def _groups(refs: Places, hyps: Places) -> Iterator[list[int]]:
    """Groups of sentence numbers whose tables, padded to the largest, fit into CELLS; a long sentence is alone."""
    group: list[int] = []
    rows = columns = 1
    order = np.lexsort((hyps, refs))
    for number, ref, hyp in zip(order.tolist(), refs[order].tolist(), hyps[order].tolist(), strict=True):
        rows, columns = max(rows, ref + 1), max(columns, hyp + 1)
        if group and (ref * hyp > SMALL or (len(group) + 1) * rows * columns > CELLS):
            yield group
            group, rows, columns = [], ref + 1, hyp + 1
        group.append(number)
    if group:
        yield group


def _costs(ref: Numbers, hyp: Numbers) -> Numbers:
    """(words of the references + 1, sentences, words of the hypotheses + 1): costs as in `edit_steps`."""
    inserted = INSERTION * np.arange(hyp.shape[1] + 1, dtype=np.int32)
    costs = np.empty((ref.shape[1] + 1, len(ref), len(inserted)), np.int32)
    costs[0] = inserted
    for above, row, words in zip(costs, costs[1:], ref.T, strict=False):
        np.add(above, DELETION, out=row)
        diagonal = above[:, :-1] + SUBSTITUTION * (hyp != words[:, None])
        np.minimum(row[:, 1:], diagonal, out=row[:, 1:])
        # Insertions can be in sequence: the least of all cells to the left, plus one for each column between.
        row -= inserted
        np.minimum.accumulate(row, axis=1, out=row)
        row += inserted
    return costs


def _back(costs: Numbers, ref: Numbers, hyp: Numbers, i: Places, j: Places) -> Iterator[Sequence[Op]]:
    """The steps of each sentence, followed back from its end (i, j): diagonal before deletion before insertion."""
    every = np.arange(len(ref))
    longest = int((i + j).max())
    ops = np.zeros((len(ref), longest), "S1")
    for step in range(longest - 1, -1, -1):
        cost = costs[i, every, j]
        inside = (i > 0) & (j > 0)
        equal = inside & (ref[every, i - 1] == hyp[every, j - 1])
        diagonal = inside & (cost == costs[i - 1, every, j - 1] + np.where(equal, 0, SUBSTITUTION))
        deleted = ~diagonal & (i > 0) & (cost == costs[i - 1, every, j] + DELETION)
        inserted = ~diagonal & ~deleted & (j > 0)
        ops[:, step] = np.select([equal & diagonal, diagonal, deleted, inserted], [b"C", b"S", b"D", b"I"], b"")
        i = i - (diagonal | deleted)
        j = j - (diagonal | inserted)
    text = ops.tobytes().decode("ascii")
    for sentence in every:  # entries shorter than the longest begin with NUL
        yield cast("Sequence[Op]", text[sentence * longest : (sentence + 1) * longest].lstrip("\0"))
