"""The same beam search by pyctcdecode, to check that of sla. The only file that imports pyctcdecode.

Some labels have a special meaning there (spaces, `▁`, `<pad>`, `|`, `##`), so each gloss is replaced by one
private-use character.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sla_cli.errors import SlaError
from sla_cli.lm.fusion import GlossModel
from sla_cli.lm.kenlm_model import State
from sla_cli.search.engines import ScoredPrefix

try:
    from pyctcdecode.alphabet import BPE_TOKEN, Alphabet
    from pyctcdecode.decoder import BeamSearchDecoderCTC
    from pyctcdecode.language_model import AbstractLanguageModel
except ImportError as error:
    hint = "Use --engine prefix, the default; pyctcdecode 0.5 installs on Python 3.11 and 3.12."
    raise SlaError("--engine pyctcdecode needs pyctcdecode, which is not installed", hint) from error

FIRST, LAST = 0xF0000, 0xFFFFD  # Unicode's supplementary private use area A


class PyctcdecodeBeam:
    """pyctcdecode as a `BeamSearch`. Call `close()`: pyctcdecode keeps every language model until then.

    Raises:
        SlaError: more glosses than there are private-use characters.
    """

    def __init__(self, glosses: int, lm: GlossModel | None, hot: frozenset[int], hot_weight: float) -> None:
        if glosses > LAST - FIRST + 1:
            raise SlaError(
                f"{glosses} glosses, but pyctcdecode takes at most {LAST - FIRST + 1}", "Use --engine prefix."
            )
        marks = [chr(FIRST + number) for number in range(glosses)]
        # Alphabet itself, not its builder: the builder rewrites labels. The word-boundary prefix makes each
        # label a word, which is what the language model scores.
        alphabet = Alphabet(["", *(BPE_TOKEN + mark for mark in marks)], is_bpe=True)
        self._search = BeamSearchDecoderCTC(alphabet, None if lm is None else _Fusion(lm))
        self._hot, self._hot_weight = [marks[column - 1] for column in sorted(hot)], hot_weight

    def search(
        self, log_probs: NDArray[np.floating], beam: int, prune_logp: float, token_min_logp: float
    ) -> list[ScoredPrefix]:
        """See `BeamSearch.search`."""
        beams = self._search.decode_beams(
            log_probs,
            beam_width=beam,
            beam_prune_logp=prune_logp,
            token_min_logp=token_min_logp,
            prune_history=False,  # pruning the history would make the search inexact
            hotwords=self._hot,
            hotword_weight=self._hot_weight,
        )
        # Its spans are not used: they belong to the path that it merged last, often an improbable one.
        return [(tuple(ord(mark) - FIRST + 1 for mark, _ in words), float(score)) for _, _, words, _, score in beams]

    def close(self) -> None:
        """Free the language model."""
        self._search.cleanup()


class _Fusion(AbstractLanguageModel):
    """A gloss model for a search over private-use characters."""

    def __init__(self, lm: GlossModel) -> None:
        self._lm = lm

    @property
    def order(self) -> int:
        return self._lm.order

    def get_start_state(self) -> State:
        return self._lm.start()

    def score_partial_token(self, partial_token: str) -> float:
        return 0.0  # every token is a whole gloss

    def score(self, prev_state: State, word: str, is_last_word: bool = False) -> tuple[float, State]:
        if not word:  # pyctcdecode calls this for the empty hypothesis, which has no gloss
            return self._lm.end(prev_state), prev_state
        added, state = self._lm.gloss(prev_state, ord(word) - FIRST + 1)
        return (added + self._lm.end(state) if is_last_word else added), state
