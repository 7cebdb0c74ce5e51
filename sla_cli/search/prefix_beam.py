"""CTC prefix beam search over glosses (Hannun et al. 2014, arXiv:1408.2873).

An entry of the beam is a prefix with two scores: of its paths that end in a blank, and of those that end in its last
gloss. The
language model and hot words score a gloss as soon as it begins, so that pruning uses the score of the whole prefix.
pyctcdecode differs in both: a prefix takes up to two places in its beam, and its language model scores a gloss when
the next one begins. If nothing is pruned, the results are the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import BLANK
from sla_cli.lm.fusion import GlossModel
from sla_cli.search.engines import ScoredPrefix
from sla_cli.search.growing import common

LOG_FLOOR = math.log(1e-15)  # lower bound of the log-probability of a column
NEVER = -math.inf
MANY = 1 << 18  # prefixes that no entry of the beam needs, at most: a hundred megabytes

Beam = tuple[float, "_Prefix", float, float, float]  # rank, prefix, ln P of its paths ending in blank, in a gloss, both


class _Prefix:
    """Glosses from the start of the clip; a node of the tree of all prefixes so far."""

    __slots__ = ("ahead", "blank", "children", "column", "label", "parent", "state")

    def __init__(self, parent: _Prefix | None, column: int, ahead: float, state: Any) -> None:
        self.parent, self.column = parent, column
        self.ahead = ahead  # the sum that language model and hot words added, including the last gloss
        self.state = state  # of the language model, after the last gloss
        self.children: dict[int, _Prefix] = {}
        self.blank = self.label = NEVER  # of the current step

    def ancestors(self) -> Iterator[_Prefix]:
        """The shorter prefixes, the longest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def columns(self) -> tuple[int, ...]:
        path = [self, *self.ancestors()]
        return tuple(node.column for node in reversed(path[:-1]))


class PrefixBeam:
    """The beam search of sla; see `BeamSearch`. It does not need the number of glosses."""

    def __init__(self, _: int, lm: GlossModel | None, hot: frozenset[int], hot_weight: float) -> None:
        self.lm, self.hot, self.hot_weight = lm, hot, hot_weight

    def search(
        self, log_probs: NDArray[np.floating], beam: int, prune_logp: float, token_min_logp: float
    ) -> list[ScoredPrefix]:
        """See `BeamSearch.search`."""
        growing = self.begin(beam, prune_logp, token_min_logp)
        growing.add(log_probs)
        return growing.ended()

    def begin(self, beam: int, prune_logp: float, token_min_logp: float) -> GrowingBeam:
        """A search whose log-probabilities come in parts; arguments as for `search`."""
        return GrowingBeam(self, beam, prune_logp, token_min_logp)

    def close(self) -> None:
        """Nothing to free."""

    def grown(self, beams: list[Beam], columns: list[tuple[int, float]], beam: int) -> list[_Prefix]:
        """The prefixes after one more step, each once, with `blank` and `label` set; of very many, the `beam` best."""
        grown: list[_Prefix] = []
        for _, prefix, blank, label, total in beams:
            if len(grown) > MANY + 4 * beam:
                grown = _thinned(grown, beams, beam)
            for column, log_prob in columns:
                if column == BLANK:
                    if prefix.label == NEVER:
                        grown.append(prefix)
                    prefix.blank = total + log_prob
                    continue
                score = total + log_prob
                if column == prefix.column:  # the last gloss continues; after a blank it is a new one
                    if label != NEVER:
                        if prefix.label == NEVER:
                            if prefix.blank == NEVER:
                                grown.append(prefix)
                            prefix.label = label + log_prob
                        else:
                            prefix.label = _add(prefix.label, label + log_prob)
                    if blank == NEVER:
                        continue
                    score = blank + log_prob
                child = prefix.children.get(column) or self._child(prefix, column)
                if child.label == NEVER:
                    if child.blank == NEVER:
                        grown.append(child)
                    child.label = score
                else:
                    child.label = _add(child.label, score)
        return grown

    def _child(self, prefix: _Prefix, column: int) -> _Prefix:
        ahead, state = prefix.ahead, None
        if self.lm is not None:
            added, state = self.lm.gloss(prefix.state, column)
            ahead += added
        if column in self.hot:
            ahead += self.hot_weight
        child = prefix.children[column] = _Prefix(prefix, column, ahead, state)
        return child

    def end(self, prefix: _Prefix) -> float:
        """What the end of the sentence adds to the score of a prefix."""
        return 0.0 if self.lm is None else self.lm.end(prefix.state)


class GrowingBeam:
    """A search that goes on as log-probabilities come; see `search.growing.Growing`."""

    def __init__(self, search: PrefixBeam, beam: int, prune_logp: float, token_min_logp: float) -> None:
        self._search, self._beam, self._prune, self._least = search, beam, prune_logp, token_min_logp
        root = _Prefix(None, BLANK, 0.0, None if search.lm is None else search.lm.start())
        self._beams: list[Beam] = [(0.0, root, 0.0, NEVER, 0.0)]
        self._made = 0  # prefixes since `_drop_unneeded`, at most

    def add(self, log_probs: NDArray[np.floating]) -> None:
        self._beams = self._after(log_probs)

    def best(self, ahead: NDArray[np.floating]) -> tuple[int, ...]:
        return self._after(ahead)[0][1].columns()

    def forget(self, columns: Sequence[int]) -> int:
        """The prefix of the forgotten glosses becomes the root; what no entry of the beam needs is dropped."""
        same = [common(prefix.columns(), columns) for _, prefix, *_ in self._beams]
        count = max(same)
        self._beams = [entry for entry, number in zip(self._beams, same, strict=True) if number == count]
        _, first, *_ = self._beams[0]
        root = [first, *first.ancestors()][-1 - count]
        root.parent = None
        self._drop_unneeded(self._beams)
        return count

    def ended(self) -> list[ScoredPrefix]:
        """All prefixes if the sentence ends here, best first."""
        found = [(total + prefix.ahead + self._search.end(prefix), prefix) for _, prefix, _, _, total in self._beams]
        return [(prefix.columns(), score) for score, prefix in _best(found, self._beam, self._prune)]

    def _after(self, log_probs: NDArray[np.floating]) -> list[Beam]:
        beams = self._beams
        for columns in _candidates(log_probs, self._least) if len(log_probs) else ():
            grown = self._search.grown(beams, columns, self._beam)
            beams = _best([_ranked(prefix) for prefix in grown], self._beam, self._prune)
            self._made += len(grown)
            if self._made > MANY:
                self._drop_unneeded([*self._beams, *beams])
        return beams

    def _drop_unneeded(self, beams: list[Beam]) -> None:
        """Drop all prefixes but those of these entries, and their ancestors."""
        live = {id(node): node for _, prefix, *_ in beams for node in (prefix, *prefix.ancestors())}
        for node in live.values():
            node.children = {column: child for column, child in node.children.items() if id(child) in live}
        self._made = 0


def _thinned(grown: list[_Prefix], beams: list[Beam], beam: int) -> list[_Prefix]:
    """Without prefixes that cannot come into the beam.

    The score of a prefix that is not in the beam now is complete, since it grows only out of its parent.
    """
    now = {id(prefix) for _, prefix, *_ in beams}
    new = [prefix for prefix in grown if id(prefix) not in now]
    new.sort(key=lambda prefix: prefix.label + prefix.ahead, reverse=True)
    for prefix in new[beam:]:
        prefix.label = NEVER
        if prefix.parent is not None and not prefix.children:  # others may be in the beam that grew out of it before
            del prefix.parent.children[prefix.column]
    return [prefix for prefix in grown if prefix.blank != NEVER or prefix.label != NEVER]


def _ranked(prefix: _Prefix) -> Beam:
    """The prefix as an entry of the beam; its scores of this step are reset."""
    blank, label = prefix.blank, prefix.label
    prefix.blank = prefix.label = NEVER
    total = label if blank == NEVER else blank if label == NEVER else _add(blank, label)
    return total + prefix.ahead, prefix, blank, label, total


def _best(found: list[Any], beam: int, prune_logp: float) -> list[Any]:
    """At most `beam` of the tuples, which begin with a score; best first, none much worse than the best."""
    found.sort(key=itemgetter(0), reverse=True)
    floor = found[0][0] + prune_logp
    return [entry for entry in found[:beam] if entry[0] >= floor]


def _candidates(log_probs: NDArray[np.floating], token_min_logp: float) -> Iterator[list[tuple[int, float]]]:
    """For each step the columns worth trying with their log-probabilities, the best one always among them."""
    shifted = log_probs - log_probs.max(axis=1, keepdims=True)
    normal = np.clip(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)), LOG_FLOOR, 0)
    steps, columns = np.nonzero(normal >= token_min_logp)
    edges = np.searchsorted(steps, np.arange(len(normal) + 1)).tolist()
    listed, best = columns.tolist(), normal.argmax(axis=1).tolist()
    for step, row in enumerate(normal):
        # The order of a set decides between equal scores.
        chosen = list(set(listed[edges[step] : edges[step + 1]]) | {best[step]})
        yield list(zip(chosen, row[chosen].astype(np.float64).tolist(), strict=True))


def _add(one: float, two: float) -> float:
    """ln(e^one + e^two)."""
    if one >= two:
        return one + math.log(1 + math.exp(two - one))
    return two + math.log(1 + math.exp(one - two))
