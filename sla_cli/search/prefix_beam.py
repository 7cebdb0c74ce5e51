"""CTC prefix beam search over glosses: pyctcdecode's answers in less time, since it never handles text.

Hannun et al. 2014, arXiv:1408.2873. A beam is a prefix together with how it ends, in a blank or in its last gloss, as
in pyctcdecode; as there, a language model scores a gloss when the next one begins, thresholds are the same and ties
fall the same way. So the results are the same for every pruning; only with hot words, whose weights pyctcdecode adds
in another order, may hypotheses of equal score swap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from heapq import nlargest
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import BLANK
from sla_cli.lm.fusion import GlossModel
from sla_cli.search.engines import ScoredPrefix

LOG_FLOOR = math.log(1e-15)  # no column of a step is taken for less probable


class _Prefix:
    """Glosses from the start of the clip; a node of the tree of all prefixes met."""

    __slots__ = ("ahead", "blank", "children", "column", "label", "parent", "scored", "state", "through")

    def __init__(self, parent: _Prefix | None, column: int, ahead: float) -> None:
        self.parent, self.column = parent, column
        self.ahead = ahead  # language model and hot words of what is scored already: all but the last gloss's LM
        self.children: dict[int, _Prefix] = {}
        self.scored = False
        self.through, self.state = 0.0, None  # the LM's score with the last gloss, and its state: once `scored`
        self.blank: list[Any] | None = None  # this step's beams that end in a blank and in the last gloss
        self.label: list[Any] | None = None

    def columns(self) -> tuple[int, ...]:
        found, node = [], self
        while node.parent is not None:
            found.append(node.column)
            node = node.parent
        return tuple(reversed(found))


class PrefixBeam:
    """Our search; see `BeamSearch`. It does not need the number of glosses."""

    def __init__(self, _: int, lm: GlossModel | None, hot: frozenset[int], hot_weight: float) -> None:
        self.lm, self.hot, self.hot_weight = lm, hot, hot_weight

    def search(
        self, log_probs: NDArray[np.floating], beam: int, prune_logp: float, token_min_logp: float
    ) -> list[ScoredPrefix]:
        """See `BeamSearch.search`."""
        root = _Prefix(None, BLANK, 0.0)
        if self.lm is not None:
            root.scored, root.state = True, self.lm.start()
        beams = [(root, None, 0.0)]
        for columns in _candidates(log_probs, token_min_logp):
            beams = self._step(beams, columns, beam, prune_logp)
        return self._finish(beams, beam, prune_logp)

    def close(self) -> None:
        """Nothing is held beyond the object's life."""

    def _step(self, beams: list[Any], columns: list[tuple[int, float]], beam: int, prune_logp: float) -> list[Any]:
        """One output step: extend every beam by every column, merge what spells the same, keep the best."""
        new: list[list[Any]] = []  # [prefix, last column, score]
        for column, log_prob in columns:
            for prefix, last, score in beams:
                score += log_prob
                if column == BLANK:
                    entry = prefix.blank
                    if entry is None:
                        prefix.blank = entry = [prefix, BLANK, score]
                        new.append(entry)
                        continue
                else:
                    if last != column:
                        prefix = prefix.children.get(column) or self._child(prefix, column)
                    entry = prefix.label
                    if entry is None:
                        prefix.label = entry = [prefix, column, score]
                        new.append(entry)
                        continue
                entry[2] = _add(entry[2], score)
        ranked = []
        for prefix, last, score in new:
            prefix.blank = prefix.label = None
            ranked.append((score + prefix.ahead, prefix, last, score))
        floor = max(ranked, key=itemgetter(0))[0] + prune_logp
        kept = [entry for entry in ranked if entry[0] >= floor]
        return [entry[1:] for entry in nlargest(beam, kept, key=itemgetter(0))]

    def _child(self, prefix: _Prefix, column: int) -> _Prefix:
        ahead = prefix.ahead
        if self.lm is not None:
            self._score(prefix)
            ahead = prefix.through + self._hot_words(prefix)
        if column in self.hot:
            ahead += self.hot_weight
        child = prefix.children[column] = _Prefix(prefix, column, ahead)
        return child

    def _score(self, prefix: _Prefix) -> None:
        """Let the language model score the last gloss, once."""
        if not prefix.scored:
            assert self.lm is not None and prefix.parent is not None
            added, prefix.state = self.lm.gloss(prefix.parent.state, prefix.column)
            prefix.through = prefix.parent.through + added
            prefix.scored = True

    def _hot_words(self, prefix: _Prefix) -> float:
        return self.hot_weight * sum(column in self.hot for column in prefix.columns()) if self.hot else 0.0

    def _finish(self, beams: list[Any], beam: int, prune_logp: float) -> list[ScoredPrefix]:
        """Merge what differs in its ending only, and let the language model score the last gloss and the end."""
        total: dict[_Prefix, float] = {}
        for prefix, _, score in beams:
            total[prefix] = _add(total[prefix], score) if prefix in total else score
        found = []
        for prefix, score in total.items():
            added = prefix.ahead
            if self.lm is not None:
                self._score(prefix)
                added = prefix.through + self.lm.end(prefix.state) + self._hot_words(prefix)
            found.append((score + added, prefix))
        floor = max(found, key=itemgetter(0))[0] + prune_logp
        kept = [entry for entry in found if entry[0] >= floor]
        return [(prefix.columns(), score) for score, prefix in nlargest(beam, kept, key=itemgetter(0))]


def _candidates(log_probs: NDArray[np.floating], token_min_logp: float) -> Iterator[list[tuple[int, float]]]:
    """For each step the columns worth trying with their log-probabilities, the best one always among them."""
    shifted = log_probs - log_probs.max(axis=1, keepdims=True)
    normal = np.clip(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), LOG_FLOOR, 0)
    steps, columns = np.nonzero(normal >= token_min_logp)
    edges = np.searchsorted(steps, np.arange(len(normal) + 1)).tolist()
    listed, best = columns.tolist(), normal.argmax(axis=1).tolist()
    for step, row in enumerate(normal):
        # The order of a set is part of how ties fall.
        chosen = list(set(listed[edges[step] : edges[step + 1]]) | {best[step]})
        yield list(zip(chosen, row[chosen].astype(np.float64).tolist(), strict=True))


def _add(one: float, two: float) -> float:
    """ln(e^one + e^two)."""
    if one >= two:
        return one + math.log(1 + math.exp(two - one))
    return two + math.log(1 + math.exp(one - two))
