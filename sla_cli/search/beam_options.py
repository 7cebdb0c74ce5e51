"""What can be chosen of a search: beam, pruning, language model and its weights, hot words. Defaults: config.py."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sla_cli.config import DecodeConfig
from sla_cli.search.engines import Engine


@dataclass(frozen=True)
class BeamOptions:
    """How to search. A beam of 1 without a language model and hot words is the best path (greedy).

    Attributes:
        beam: prefixes kept at each step.
        alpha: weight of the language model.
        beta: added for each gloss, with a language model.
        lm: the language model's file: ARPA (plain or gzip) or KenLM binary over glosses.
        nbest: hypotheses for each clip, at most as many as the beam holds.
        hotwords, hotword_weight: glosses to favour, and what each occurrence adds to the score (natural log).
        engine: which beam search; the answers are the same.
        prune_logp: prefixes this much worse than the best are dropped (natural log).
        token_min_logp: columns below this are not tried, except the best of the step (natural log).
    """

    beam: int = DecodeConfig.beam
    alpha: float = DecodeConfig.alpha
    beta: float = DecodeConfig.beta
    lm: Path | None = None
    nbest: int = 1
    hotwords: tuple[str, ...] = ()
    hotword_weight: float = DecodeConfig.hotword_weight
    engine: Engine = "prefix"
    prune_logp: float = DecodeConfig.prune_logp
    token_min_logp: float = DecodeConfig.token_min_logp

    @property
    def greedy(self) -> bool:
        return self.beam == 1 and self.lm is None and not self.hotwords
