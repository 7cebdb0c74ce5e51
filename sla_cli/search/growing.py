"""Searches that go on as log-probabilities come, for recognition while somebody signs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import BLANK
from sla_cli.search.engines import ScoredPrefix


class Growing(Protocol):
    """A search over steps that are added. Glosses are columns, from the first that is not forgotten."""

    def add(self, log_probs: NDArray[np.floating]) -> None:
        """The next steps, float (T, V + 1), natural log; may be none."""
        ...

    def best(self, ahead: NDArray[np.floating]) -> tuple[int, ...]:
        """The best glosses if these steps come next; they are not added."""
        ...

    def forget(self, columns: Sequence[int]) -> int:
        """Drop these first glosses, which are final, and hypotheses that begin otherwise.

        Returns:
            How many of them: as many as a hypothesis begins with.
        """
        ...

    def ended(self) -> list[ScoredPrefix]:
        """The hypotheses if no step follows, best first."""
        ...


class GrowingPath:
    """The most probable column of each step, collapsed, as `GreedyDecoder` finds it."""

    def __init__(self) -> None:
        self._columns: list[int] = []
        self._last, self._score = BLANK, 0.0

    def add(self, log_probs: NDArray[np.floating]) -> None:
        found = log_probs.argmax(axis=1).tolist() if len(log_probs) else []
        self._columns += _collapsed(self._last, found)
        self._last = found[-1] if found else self._last
        self._score += float(log_probs.max(axis=1).sum(dtype=np.float64)) if found else 0.0

    def best(self, ahead: NDArray[np.floating]) -> tuple[int, ...]:
        found = ahead.argmax(axis=1).tolist() if len(ahead) else []
        return (*self._columns, *_collapsed(self._last, found))

    def forget(self, columns: Sequence[int]) -> int:
        count = common(self._columns, columns)
        del self._columns[:count]
        return count

    def ended(self) -> list[ScoredPrefix]:
        return [(tuple(self._columns), self._score)]


def _collapsed(before: int, columns: Sequence[int]) -> list[int]:
    """The columns that differ from the one before them, without blanks."""
    pairs = zip([before, *columns], columns, strict=False)
    return [column for last, column in pairs if column not in (last, BLANK)]


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many first columns are the same."""
    pairs = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
