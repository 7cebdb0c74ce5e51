from __future__ import annotations

import math
from pathlib import Path

import kenlm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.errors import SlaError
from sla_cli.lm.arpa import Arpa, write_arpa
from sla_cli.lm.estimate import estimate
from sla_cli.lm.kenlm_model import open_lm
from sla_cli.lm.perplexity import score_sentences, text_perplexity
from sla_cli.lm.sentences import Text, read_lines

SHARED = Path(__file__).parents[2].parent / "shared"
GOLDEN = SHARED / "golden" / "gloss-lm"
needs_shared = pytest.mark.skipif(not GOLDEN.is_dir(), reason="shared material is missing")

sentences_of_few = st.lists(st.lists(st.sampled_from("ABCD"), max_size=5), min_size=1, max_size=20)


def read_sentences(name: str) -> list[tuple[str, ...]]:
    return [glosses for _, glosses in read_lines(GOLDEN / name)]


def parse(path: Path) -> Arpa:
    levels: list[dict] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line.endswith("-grams:"):
            levels.append({})
        elif levels and "\t" in line:
            probability, words, *backoff = line.split("\t")
            levels[-1][tuple(words.split(" "))] = (float(probability), float(backoff[0]) if backoff else 0.0)
    return Arpa(tuple(levels))


def probability(arpa: Arpa, context: tuple[str, ...], word: str) -> float:
    """log10 p(word | context), by the definition of back-off models."""
    level = arpa.ngrams[len(context)]
    if (*context, word) in level:
        return level[*context, word][0]
    if not context:
        return level[("<unk>",)][0]
    return arpa.ngrams[len(context) - 1].get(context, (0.0, 0.0))[1] + probability(arpa, context[1:], word)


def sentence_score(arpa: Arpa, sentence: list[str]) -> float:
    words = ["<s>", *sentence, "</s>"]
    order = len(arpa.ngrams)
    return sum(probability(arpa, tuple(words[max(0, i - order + 1) : i]), words[i]) for i in range(1, len(words)))


def perplexity(train: list, dev: list, order: int, tmp_path: Path) -> float:
    write_arpa(estimate(train, order), tmp_path / "lm.arpa")
    text = Text("", "", tuple(("", tuple(sentence)) for sentence in dev))
    return text_perplexity(text, score_sentences(open_lm(tmp_path / "lm.arpa"), text.sentences)).perplexity


def column(path: Path, name: str) -> list[list[str]]:
    header, *rows = path.read_text(encoding="utf-8-sig").splitlines()
    index = header.split("|").index(name)
    return [row.split("|")[index].split() for row in rows if row]


@needs_shared
def test_equals_lmplz(tmp_path: Path) -> None:
    golden = parse(GOLDEN / "phoenix2014-train.3gram.arpa")
    arpa = estimate(read_sentences("phoenix2014-train.txt"), 3)
    write_arpa(arpa, tmp_path / "lm.arpa")
    for ours in (arpa, parse(tmp_path / "lm.arpa")):
        for level, expected in zip(ours.ngrams, golden.ngrams, strict=True):
            assert level.keys() == expected.keys()
            values = np.array([(*level[gram], *expected[gram]) for gram in level])
            np.testing.assert_allclose(values[:, :2], values[:, 2:], rtol=1e-6, atol=1e-5)


@needs_shared
@pytest.mark.parametrize(("order", "expected"), [(2, 49.5), (4, 46.8)])
def test_perplexity_on_phoenix2014_dev(order: int, expected: float, tmp_path: Path) -> None:
    train = read_sentences("phoenix2014-train.txt")
    dev = column(SHARED / "data/phoenix2014/dev.corpus.csv", "annotation")
    assert perplexity(train, dev, order, tmp_path) == pytest.approx(expected, abs=0.05)


@needs_shared
@pytest.mark.parametrize(("order", "expected"), [(3, 46.7)])
def test_perplexity_on_phoenix2014t_dev(order: int, expected: float, tmp_path: Path) -> None:
    folder = SHARED / "data/phoenix2014t"
    train, dev = (column(folder / f"PHOENIX-2014-T.{split}.corpus.csv", "orth") for split in ("train", "dev"))
    assert perplexity(train, dev, order, tmp_path) == pytest.approx(expected, abs=0.05)


@needs_shared
@pytest.mark.parametrize(("order", "expected"), [(3, 145.9)])
def test_perplexity_on_isharah2000_dev(order: int, expected: float, tmp_path: Path) -> None:
    train, dev = (column(SHARED / f"data/isharah2000/US/{split}.csv", "gloss") for split in ("train", "dev"))
    assert perplexity(train, dev, order, tmp_path) == pytest.approx(expected, abs=0.05)


@settings(max_examples=20, deadline=None)
@given(sentences_of_few, st.integers(2, 4))
def test_kenlm_reads_our_probabilities(tmp_path_factory: pytest.TempPathFactory, sentences: list, order: int) -> None:
    arpa = estimate(sentences, order, fallback=True)
    path = tmp_path_factory.mktemp("lm") / "lm.arpa"
    write_arpa(arpa, path)
    model = open_lm(path)
    assert model.order == order
    for sentence in ([], ["A"], ["B", "A", "new"], list("DDCBA")):
        assert model.score(" ".join(sentence)) == pytest.approx(sentence_score(arpa, sentence), abs=1e-4)


@pytest.mark.needs("pyctcdecode")
def test_pyctcdecode_reads_our_vocabulary(tmp_path: Path) -> None:
    from pyctcdecode.language_model import load_unigram_set_from_arpa

    arpa = estimate([["A", "B"], ["C"]], 2, fallback=True)
    write_arpa(arpa, tmp_path / "lm.arpa")
    assert load_unigram_set_from_arpa(str(tmp_path / "lm.arpa")) == {gram[0] for gram in arpa.ngrams[0]}


@settings(max_examples=30, deadline=None)
@given(
    sentences_of_few,
    st.sampled_from([(), (0, 1), (0, 0, 1), (0, 1, 2), (0, 2, 2, 3)]),
    st.sampled_from(["share", "all"]),
)
def test_probabilities_sum_to_one_in_every_context(sentences: list, prune: tuple[int, ...], unknown: str) -> None:
    arpa = estimate(sentences, max(2, len(prune)), fallback=True, prune=prune, unknown=unknown)
    words = [gram[0] for gram in arpa.ngrams[0] if gram != ("<s>",)]
    contexts = [(), *(gram for level in arpa.ngrams[:-1] for gram in level if gram[-1] not in ("</s>", "<unk>"))]
    for context in contexts:
        assert sum(10 ** probability(arpa, context, word) for word in words) == pytest.approx(1)


@needs_shared
@pytest.mark.parametrize(("prune", "unknown"), [((0, 0, 1), "share"), ((0, 1), "all")])
def test_a_pruned_model_sums_to_one_through_kenlm(prune: tuple[int, ...], unknown: str, tmp_path: Path) -> None:
    sentences = read_sentences("phoenix2014-train.txt")[:500]
    arpa = estimate(sentences, 3, fallback=True, prune=prune, unknown=unknown)
    write_arpa(arpa, tmp_path / "lm.arpa")
    model = open_lm(tmp_path / "lm.arpa")
    words = [gram[0] for gram in arpa.ngrams[0] if gram != ("<s>",)]
    for context in [(), *sentences[:5]]:
        state, after = kenlm.State(), kenlm.State()
        model.BeginSentenceWrite(state)
        for gloss in context:
            model.BaseScore(state, gloss, after)
            state, after = after, state
        assert sum(10 ** model.BaseScore(state, word, after) for word in words) == pytest.approx(1, abs=1e-4)


def test_pruning_drops_what_occurs_at_most_so_often_in_the_text() -> None:
    sentences = [["A", "B"], ["A", "B"], ["A", "C"], ["C", "A", "B"]]
    whole, pruned = (estimate(sentences, 3, fallback=True, prune=prune) for prune in ((), (0, 1)))
    assert pruned.ngrams[0].keys() == whole.ngrams[0].keys()
    # In the text: <s> A 3, A B 3, B </s> 3. The adjusted count of A B is 2: it follows <s> and C. C A, A C occur once.
    assert pruned.ngrams[1].keys() == {("<s>", "A"), ("A", "B"), ("B", "</s>")}
    assert pruned.ngrams[2].keys() == {("<s>", "A", "B"), ("A", "B", "</s>")}
    # By hand: of 3 + 1 after <s>, A keeps 3 - 1.5 and the pruned C gives its 1 to the unigrams.
    freed = 10 ** pruned.ngrams[0][("<s>",)][1]
    assert freed == pytest.approx((1.5 + 1) / 4)
    below = 10 ** pruned.ngrams[0][("A",)][0]
    assert 10 ** pruned.ngrams[1][("<s>", "A")][0] == pytest.approx(1.5 / 4 + freed * below)


@pytest.mark.parametrize(
    ("prune", "message"),
    [
        ((1,), "first is not 0"),
        ((0, 2, 1), "0,2,1 decrease"),
        ((0, 0, 0, 1), "0,0,0,1 are too many for a model"),
    ],
)
def test_thresholds_that_make_no_model(prune: tuple[int, ...], message: str) -> None:
    with pytest.raises(SlaError, match=message):
        estimate([["A"]], 3, fallback=True, prune=prune)


def test_a_refusal_of_thresholds_shows_some_that_fit_the_order() -> None:
    for order, example in ((2, "0,1."), (4, "0,0,0,1.")):
        with pytest.raises(SlaError) as caught:
            estimate([["A"]], order, fallback=True, prune=(1,))
        assert caught.value.hint.endswith(f"such as {example}")


def test_unknown_glosses_get_a_share_or_all_of_what_is_freed() -> None:
    sentences = [["A", "B"], ["A", "B"], ["B", "A"]]
    share, everything = (estimate(sentences, 2, fallback=True, unknown=unknown) for unknown in ("share", "all"))
    # Fallback discounts take 1 from each of A, B and </s>, which follow two words each: 3 of 6, shared by four.
    assert 10 ** share.ngrams[0][("<unk>",)][0] == pytest.approx(1 / 8)
    assert 10 ** everything.ngrams[0][("<unk>",)][0] == pytest.approx(1 / 2)
    assert 10 ** everything.ngrams[0][("A",)][0] == pytest.approx(1 / 6)


def test_a_small_text_needs_the_fallback() -> None:
    with pytest.raises(SlaError, match="no discounts can be computed for 1-grams: none occurs once"):
        estimate([["A", "B"], ["A", "B"], ["B", "A"]], 2)
    arpa = estimate([["A", "B"], ["A", "B"], ["B", "A"]], 2, fallback=True)
    assert arpa.fallbacks == (1, 2)
    # By hand: each of A, B and </s> follows two words: (2 - D2) / 6 + (3 D2 / 6) / 4 with D2 = 1.
    assert arpa.ngrams[0][("A",)][0] == pytest.approx(math.log10(1 / 6 + 1 / 8))


@pytest.mark.parametrize("order", [0, 1, 7])
def test_order_out_of_range(order: int) -> None:
    with pytest.raises(SlaError, match=f"order {order}"):
        estimate([["A"]], order)


def test_no_sentences() -> None:
    with pytest.raises(SlaError, match="no sentences"):
        estimate([], 2)


@pytest.mark.parametrize("word", ["<s>", "</s>", "<unk>", "<UNK>"])
def test_reserved_words_are_refused_where_they_stand(word: str) -> None:
    with pytest.raises(SlaError, match=f"sentence 2: {word}"):
        estimate([["A"], ["A", word]], 2)


def test_glosses_with_white_space_are_refused() -> None:
    with pytest.raises(SlaError, match="white space or control characters: 'A B'"):
        estimate([["A B", "C"]], 2, fallback=True)
