"""The beam searches that can be chosen (`--engine`). A new one needs its own file and an entry here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sla_cli.lm.fusion import GlossModel

Engine = Literal["prefix", "pyctcdecode"]
CLASSES: dict[Engine, str] = {"prefix": "prefix_beam.PrefixBeam", "pyctcdecode": "pyctcdecode_beam.PyctcdecodeBeam"}

ScoredPrefix = tuple[tuple[int, ...], float]  # columns of the glosses, and their score (natural log)


class BeamSearch(Protocol):
    """A search for one vocabulary, language model and set of hot words.

    Args:
        glosses: size of the vocabulary; the blank is column 0, the glosses are columns 1 to `glosses`.
        lm: the language model, or None.
        hot: columns of hot words; each occurrence adds `hot_weight`.
    """

    def __init__(self, glosses: int, lm: GlossModel | None, hot: frozenset[int], hot_weight: float) -> None: ...

    def search(
        self, log_probs: NDArray[np.floating], beam: int, prune_logp: float, token_min_logp: float
    ) -> list[ScoredPrefix]:
        """Prefixes of one clip, best first, at most `beam`. log_probs: float (T, V + 1), natural log, T at least 1."""
        ...

    def close(self) -> None:
        """Free what would otherwise stay in memory after the object is deleted."""
        ...
