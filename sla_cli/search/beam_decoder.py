"""CTC beam search with an n-gram language model and hot words, or the best path; with spans and confidences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sla_cli.config.checks import annotations_of, check_setting
from sla_cli.config.settings import DecodeConfig
from sla_cli.core.counted import counted
from sla_cli.core.ctc import check_log_probs, columns_of
from sla_cli.core.force_align import force_align
from sla_cli.errors import SlaError, some, suggestion
from sla_cli.lm.fusion import GlossModel
from sla_cli.lm.kenlm_model import open_lm, out_of_vocabulary, refuse_non_glosses
from sla_cli.search.decoder import Decoder, GreedyDecoder, StepHypothesis, confidences
from sla_cli.search.engines import CLASSES, BeamSearch, Engine, ScoredPrefix
from sla_cli.search.growing import Growing, GrowingPath
from sla_cli.search.prefix_beam import PrefixBeam


@dataclass(frozen=True)
class BeamOptions(DecodeConfig):
    """How to search. With a beam of 1, no hot words, and no language model (or alpha and beta 0) the search is greedy.

    Attributes:
        lm: the language model's file: ARPA (plain or gzip) or KenLM binary over glosses.
        nbest: hypotheses for each clip, at most as many as the beam holds.
        hotwords: glosses to favour.
        engine: which beam search; the results are the same if nothing is pruned.
    """

    lm: Path | None = None
    nbest: int = 1
    hotwords: tuple[str, ...] = ()
    engine: Engine = "prefix"

    def check(self) -> None:
        """Raise SlaError for a value out of bounds."""
        for name, hint in annotations_of(DecodeConfig).items():
            check_setting(name, getattr(self, name), hint, "options of the search")

    def check_nbest(self) -> None:
        """Raise SlaError for more hypotheses than the beam holds."""
        if self.nbest > self.beam:
            number = counted(self.nbest, "hypothesis")
            raise SlaError(f"a beam of {self.beam} cannot give {number} for each clip", "Give a wider --beam.")

    @property
    def greedy(self) -> bool:
        """Whether the best path is taken; a language model with weight 0 counts as none."""
        weighs = self.lm is not None and (self.alpha, self.beta) != (0, 0)
        return self.beam == 1 and not weighs and not self.hotwords


class BeamDecoder(Decoder):
    """Beam search whose score is ln P_ctc(glosses) + sum over glosses (alpha ln P_lm + beta) + alpha ln P_lm(</s>).

    Without a language model the score is ln P_ctc alone. Each occurrence of a hot word adds its weight. With a beam
    and thresholds wide enough it is exact (Hannun et al. 2014, arXiv:1408.2873). A gloss that the language model
    lacks is scored as its <unk>. A beam of 1 with neither language model nor hot words gives the best path, as
    `GreedyDecoder` does.

    Args:
        glosses: the vocabulary; log-probabilities have the blank in column 0 and glosses[i] in column i + 1.
        options: options of the search; `nbest` is not used.

    Raises:
        SlaError: a gloss that is empty, repeated or holds white space; a hot word that is not a gloss of the
            vocabulary; a beam, a weight or a threshold out of bounds.
        FormatError: the language model's file is not a language model.
    """

    def __init__(self, glosses: Sequence[str], options: BeamOptions) -> None:
        refuse_non_glosses(glosses)
        if twice := [repr(gloss) for gloss, count in Counter(glosses).items() if count > 1]:
            raise SlaError(f"glosses occur twice in the vocabulary: {some(twice)}", "Make them unique.")
        options.check()
        if options.engine not in CLASSES:
            raise SlaError(f"no beam search {options.engine!r}", suggestion(options.engine, CLASSES))
        self.glosses, self._options = tuple(glosses), options
        self._best_path = GreedyDecoder(glosses)
        self.oov: tuple[str, ...] = ()
        self._lm: GlossModel | None = None
        hot = hot_columns(options.hotwords, self.glosses)
        if options.lm is not None:
            opened = open_lm(options.lm)
            self.oov = tuple(out_of_vocabulary(opened, glosses))
            self._lm = GlossModel(opened, glosses, options.alpha, options.beta)
        self.weigh(options.alpha, options.beta, options.beam)
        module, name = CLASSES[options.engine].split(".")  # only the file of this search is imported
        engine: type[BeamSearch] = getattr(import_module(f"sla_cli.search.{module}"), name)
        self._search = engine(len(glosses), self._lm, hot, options.hotword_weight)

    def weigh(self, alpha: float, beta: float, beam: int) -> None:
        """Change beam and weights, which are within their bounds; the language model stays loaded."""
        self._options = replace(self._options, alpha=alpha, beta=beta, beam=beam)
        if self._lm is not None:
            self._lm.weigh(alpha, beta)

    def nbest(self, log_probs: NDArray[np.floating], n: int) -> list[StepHypothesis]:
        """See `Decoder.nbest`; there are never more hypotheses than the beam holds."""
        if self._options.greedy:
            return self._best_path.nbest(log_probs, n)
        log_probs = log_probs.astype(np.result_type(log_probs, np.float32), copy=False)
        hypotheses = []
        for columns, score in self._prefixes(log_probs)[:n]:
            spans = force_align(log_probs, columns)
            confidence = confidences(log_probs, columns, spans)
            hypotheses.append(StepHypothesis(self._glosses_of(columns), score, tuple(spans), confidence))
        return hypotheses

    def best_glosses(self, log_probs: NDArray[np.floating]) -> tuple[str, ...]:
        """The glosses of the best hypothesis alone, which is all that tuning needs."""
        if self._options.greedy:
            return self._best_path.decode(log_probs).glosses
        columns, _ = self._prefixes(log_probs)[0]
        return self._glosses_of(columns)

    def begin(self) -> Growing:
        """A search whose log-probabilities come in parts. Raises SlaError if the engine has none."""
        if self._options.greedy:
            return GrowingPath()
        if not isinstance(self._search, PrefixBeam):
            raise SlaError("this engine cannot search while log-probabilities come", "Use --engine prefix.")
        return self._search.begin(self._options.beam, self._options.prune_logp, self._options.token_min_logp)

    def close(self) -> None:
        """Free the language model."""
        self._search.close()

    def _prefixes(self, log_probs: NDArray[np.floating]) -> list[ScoredPrefix]:
        check_log_probs(log_probs, len(self.glosses) + 1)
        if not len(log_probs):
            return [((), 0.0)]
        options = self._options
        return self._search.search(log_probs, options.beam, options.prune_logp, options.token_min_logp)

    def _glosses_of(self, columns: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.glosses[column - 1] for column in columns)


def hot_columns(hotwords: Sequence[str], glosses: tuple[str, ...]) -> frozenset[int]:
    """The columns of hot words. Raises SlaError for one that the vocabulary lacks."""
    column_of = columns_of(glosses)
    for word in hotwords:
        if word not in column_of:
            raise SlaError(f"hot word {word!r} is not a gloss of the vocabulary", suggestion(word, glosses))
    return frozenset(column_of[word] for word in hotwords)
