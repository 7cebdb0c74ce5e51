from __future__ import annotations

from pathlib import Path

import pytest

from sla_cli.lm.arpa import write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.lm.kenlm_model import open_lm
from sla_cli.lm.perplexity import score_sentences, text_perplexity
from sla_cli.lm.sentences import Text


def test_perplexity_with_and_without_unknown_glosses(tmp_path: Path) -> None:
    """By hand, from the unigrams and bigrams of the file."""
    arpa = estimate([["A", "B"], ["A", "B"], ["B", "A"]], 2, fallback=True)
    write_arpa(arpa, tmp_path / "lm.arpa")
    unigrams, bigrams = arpa.ngrams
    first = bigrams["<s>", "A"][0], unigrams[("A",)][1] + unigrams[("<unk>",)][0], unigrams[("</s>",)][0]
    second = bigrams["<s>", "B"][0], bigrams["B", "</s>"][0]

    text = Text("", "", (("one", ("A", "new")), ("two", ("B",))))
    scores = score_sentences(open_lm(tmp_path / "lm.arpa"), text.sentences)
    result = text_perplexity(text, scores)

    assert result.perplexity == pytest.approx(10 ** (-(sum(first) + sum(second)) / 5), rel=1e-4)
    assert result.perplexity_without_oov == pytest.approx(10 ** (-(first[0] + first[2] + sum(second)) / 4), rel=1e-4)
    assert result.oov_glosses == {"new": 1}
    assert result.glosses == 3
    assert [sentence.log10 for sentence in scores] == pytest.approx([sum(first), sum(second)], abs=1e-4)
