"""CTC prefix beam search with an n-gram language model. The only file that knows pyctcdecode."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import kenlm
import numpy as np
from numpy.typing import NDArray
from pyctcdecode.alphabet import BPE_TOKEN, Alphabet
from pyctcdecode.decoder import BeamSearchDecoderCTC
from pyctcdecode.language_model import AbstractLanguageModel

from sla_cli.core.ctc import check_log_probs, force_align
from sla_cli.decode.greedy import Decoded
from sla_cli.decode.lm_file import RESERVED, SEPARATORS, open_lm, out_of_vocabulary
from sla_cli.errors import SlaError, some

FIRST, LAST = 0xF0000, 0xFFFFD  # Unicode's supplementary private use area A
LN10 = math.log(10)


class BeamDecoder:
    """Beam search whose score is ln P_ctc(glosses) + sum over glosses (alpha ln P_lm + beta) + alpha ln P_lm(</s>).

    Without a language model the score is ln P_ctc alone. With a beam and thresholds wide enough it is exact
    (Hannun et al. 2014, arXiv:1408.2873). pyctcdecode reads meaning into labels (spaces, `▁`, `<pad>`, `|`,
    `##`), so it only ever sees one private-use character a gloss. A gloss that the language model lacks is
    scored as its <unk>, without pyctcdecode's extra -10.

    Use as a context manager, or call `close()`: pyctcdecode keeps every language model until told otherwise.

    Args:
        glosses: the vocabulary; log-probabilities have the blank in column 0 and glosses[i] in column i + 1.
        lm: ARPA (plain or gzip) or KenLM binary over these glosses.
        alpha: weight of the language model.
        beta: reward a gloss, with a language model.
        beam: prefixes kept at each step.
        prune_logp: prefixes this much worse than the best are dropped (natural log).
        token_min_logp: columns below this are not tried, the step's best apart (natural log).

    Raises:
        SlaError: a gloss that is empty, repeated or holds white space; too many glosses; a beam below 1.
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
    ) -> None:
        _check_glosses(glosses)
        if beam < 1:
            raise SlaError(f"a beam of {beam}", "At least 1 prefix has to be kept.")
        self.glosses = tuple(glosses)
        self.beam, self.prune_logp, self.token_min_logp = beam, prune_logp, token_min_logp
        marks = [chr(FIRST + i) for i in range(len(glosses))]
        self._gloss_of = dict(zip(marks, glosses, strict=True))
        self.oov: tuple[str, ...] = ()
        model = None
        if lm is not None:
            opened = open_lm(lm)
            self.oov = tuple(out_of_vocabulary(opened, glosses))
            model = _GlossModel(opened, self._gloss_of, alpha, beta)
        # Alphabet itself, not its builder: the builder rewrites labels. The word-boundary prefix makes each
        # label a word, which is what the language model scores.
        alphabet = Alphabet(["", *(BPE_TOKEN + mark for mark in marks)], is_bpe=True)
        self._search = BeamSearchDecoderCTC(alphabet, model)

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
        check_log_probs(log_probs, len(self.glosses) + 1)
        if not len(log_probs):
            return [Decoded((), 0.0, ())]
        beams = self._search.decode_beams(
            log_probs.astype(np.result_type(log_probs, np.float32), copy=False),
            beam_width=self.beam,
            beam_prune_logp=self.prune_logp,
            token_min_logp=self.token_min_logp,
            prune_history=False,  # with history pruned the search is not exact
        )
        return [self._decoded(log_probs, words, score) for _, _, words, _, score in beams[:n]]

    def _decoded(self, log_probs: NDArray[np.floating], words: Sequence[tuple[str, Any]], score: float) -> Decoded:
        """pyctcdecode's own spans are those of the path that it merged last, often an improbable one."""
        marks = [mark for mark, _ in words]
        return Decoded(
            tuple(self._gloss_of[mark] for mark in marks),
            float(score),
            tuple(force_align(log_probs, [ord(mark) - FIRST + 1 for mark in marks])),
        )

    def close(self) -> None:
        """Let go of the language model."""
        self._search.cleanup()

    def __enter__(self) -> BeamDecoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _GlossModel(AbstractLanguageModel):
    """KenLM over glosses for a search over private-use characters."""

    def __init__(self, model: kenlm.Model, gloss_of: dict[str, str], alpha: float, beta: float) -> None:
        self._model = model
        # A gloss called <s> is not the start of a sentence.
        self._word_of = {mark: "<unk>" if gloss in RESERVED else gloss for mark, gloss in gloss_of.items()}
        self._scale = alpha * LN10  # KenLM's logarithms are decimal
        self._beta = beta

    @property
    def order(self) -> int:
        return self._model.order

    def get_start_state(self) -> kenlm.State:
        state = kenlm.State()
        self._model.BeginSentenceWrite(state)
        return state

    def score_partial_token(self, partial_token: str) -> float:
        return 0.0  # every token is a whole gloss

    def score(self, prev_state: kenlm.State, word: str, is_last_word: bool = False) -> tuple[float, kenlm.State]:
        if not word:  # pyctcdecode asks so for the empty hypothesis, which has no gloss to reward
            return self._scale * self._end(prev_state), prev_state
        state = kenlm.State()
        log10 = self._model.BaseScore(prev_state, self._word_of[word], state)
        if is_last_word:
            log10 += self._end(state)
        return self._scale * log10 + self._beta, state

    def _end(self, state: kenlm.State) -> float:
        return self._model.BaseScore(state, "</s>", kenlm.State())


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
    if len(glosses) > LAST - FIRST + 1:
        raise SlaError(
            f"{len(glosses)} glosses, and beam search takes {LAST - FIRST + 1}",
            "Decode greedily (a beam of 1, no language model).",
        )
