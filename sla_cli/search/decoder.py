"""CTC beam search with an n-gram language model and hot words: glosses in, glosses with spans and confidence out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from sla_cli.core.ctc import check_log_probs, force_align
from sla_cli.errors import SlaError, some, suggestion
from sla_cli.lm.fusion import GlossModel
from sla_cli.lm.kenlm_model import SEPARATORS, open_lm, out_of_vocabulary
from sla_cli.search.confidence import confidences
from sla_cli.search.greedy import Decoded
from sla_cli.search.prefix_beam import Found, PrefixSearch

Engine = Literal["prefix", "pyctcdecode"]


class Search(Protocol):
    """What finds readings; see `PrefixSearch.search`."""

    def search(
        self, log_probs: NDArray[np.floating], beam: int, prune_logp: float, token_min_logp: float
    ) -> list[Found]: ...

    def close(self) -> None: ...


class BeamDecoder:
    """Beam search whose score is ln P_ctc(glosses) + sum over glosses (alpha ln P_lm + beta) + alpha ln P_lm(</s>).

    Without a language model the score is ln P_ctc alone. Each occurrence of a hot word adds its weight. With a beam
    and thresholds wide enough it is exact (Hannun et al. 2014, arXiv:1408.2873). A gloss that the language model
    lacks is scored as its <unk>.

    Use as a context manager, or call `close()`.

    Args:
        glosses: the vocabulary; log-probabilities have the blank in column 0 and glosses[i] in column i + 1.
        lm: ARPA (plain or gzip) or KenLM binary over these glosses.
        alpha: weight of the language model.
        beta: reward a gloss, with a language model.
        beam: prefixes kept at each step.
        prune_logp: prefixes this much worse than the best are dropped (natural log).
        token_min_logp: columns below this are not tried, the step's best apart (natural log).
        hotwords: glosses to favour.
        hotword_weight: what each occurrence of one adds to the score (natural log).
        engine: our own search, or pyctcdecode's; the answers are the same.

    Raises:
        SlaError: a gloss that is empty, repeated or holds white space; a hot word that is no gloss of the
            vocabulary; a beam below 1; a weight that is no finite number.
        FormatError: `lm` is no language model.
    """

    def __init__(
        self,
        glosses: Sequence[str],
        lm: Path | None = None,
        alpha: float = 0.5,
        beta: float = 1.5,
        beam: int = 10,
        prune_logp: float = -10.0,
        token_min_logp: float = -5.0,
        hotwords: Sequence[str] = (),
        hotword_weight: float = 10.0,
        engine: Engine = "prefix",
    ) -> None:
        _check_glosses(glosses)
        _check_weight("hot words", hotword_weight)
        self.glosses = tuple(glosses)
        self.prune_logp, self.token_min_logp = prune_logp, token_min_logp
        self.oov: tuple[str, ...] = ()
        self._lm: GlossModel | None = None
        hot = _columns(hotwords, self.glosses)
        if lm is not None:
            opened = open_lm(lm)
            self.oov = tuple(out_of_vocabulary(opened, glosses))
            self._lm = GlossModel(opened, glosses, alpha, beta)
        self.weigh(alpha, beta, beam)
        self._search = _engine(engine, len(glosses), self._lm, hot, hotword_weight)

    def weigh(self, alpha: float, beta: float, beam: int) -> None:
        """Change the settings of the search; the language model stays loaded.

        Raises:
            SlaError: a beam below 1; a weight that is no finite number.
        """
        if beam < 1:
            raise SlaError(f"a beam of {beam}", "At least 1 prefix has to be kept.")
        _check_weight("alpha", alpha)
        _check_weight("beta", beta)
        self.beam = beam
        if self._lm is not None:
            self._lm.weigh(alpha, beta)

    def decode(self, log_probs: NDArray[np.floating]) -> Decoded:
        """The best reading of one clip.

        Args:
            log_probs: float (T, V + 1), natural log.

        Raises:
            SlaError: not log-probabilities of this vocabulary.
        """
        return self.nbest(log_probs, 1)[0]

    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[Decoded]:
        """At most `n` different readings of one clip, best first (never more than the beam holds)."""
        log_probs = log_probs.astype(np.result_type(log_probs, np.float32), copy=False)
        readings = []
        for columns, score in self._found(log_probs)[:n]:
            spans = force_align(log_probs, columns)
            glosses = tuple(self.glosses[column - 1] for column in columns)
            readings.append(Decoded(glosses, score, tuple(spans), confidences(log_probs, columns, spans)))
        return readings

    def best_glosses(self, log_probs: NDArray[np.floating]) -> tuple[str, ...]:
        """The glosses of the best reading alone, which is all that tuning needs."""
        columns, _ = self._found(log_probs)[0]
        return tuple(self.glosses[column - 1] for column in columns)

    def _found(self, log_probs: NDArray[np.floating]) -> list[Found]:
        check_log_probs(log_probs, len(self.glosses) + 1)
        if not len(log_probs):
            return [((), 0.0)]
        return self._search.search(log_probs, self.beam, self.prune_logp, self.token_min_logp)

    def close(self) -> None:
        """Let go of the language model."""
        self._search.close()

    def __enter__(self) -> BeamDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _engine(name: Engine, glosses: int, lm: GlossModel | None, hot: frozenset[int], hot_weight: float) -> Search:
    if name == "prefix":
        return PrefixSearch(lm, hot, hot_weight)
    from sla_cli.search.pyctcdecode_beam import PyctcdecodeSearch

    return PyctcdecodeSearch(glosses, lm, hot, hot_weight)


def _check_weight(name: str, weight: float) -> None:
    if not math.isfinite(weight):
        raise SlaError(f"{weight} as weight of {name}", "Weights are finite numbers.")


def _columns(hotwords: Sequence[str], glosses: tuple[str, ...]) -> frozenset[int]:
    """The columns of hot words. Raises SlaError for one that the vocabulary lacks."""
    column_of = {gloss: column for column, gloss in enumerate(glosses, start=1)}
    for word in hotwords:
        if word not in column_of:
            raise SlaError(f"hot word {word!r} is no gloss of the vocabulary", suggestion(word, glosses))
    return frozenset(column_of[word] for word in hotwords)


def _check_glosses(glosses: Sequence[str]) -> None:
    bad = [repr(gloss) for gloss in glosses if not gloss or SEPARATORS.search(gloss)]
    if bad:
        raise SlaError(
            f"glosses that are empty or hold white space: {some(bad)}",
            "Join the parts, for example with '-': files and language models split glosses at white space.",
        )
    if len(set(glosses)) < len(glosses):
        twice = [repr(gloss) for gloss, count in Counter(glosses).items() if count > 1]
        raise SlaError(f"glosses that stand twice in the vocabulary: {some(twice)}", "Make them unique.")
