from __future__ import annotations

import math
from collections import Counter
from itertools import chain, pairwise

import pytest

from sla_cli.core.normalize import profile
from sla_cli.demo.grammar import GLOSSES, draw_sentences, home
from sla_cli.demo.pipeline import CLIPS


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[tuple[str, ...]]]:
    return {split: draw_sentences(7, split, count) for split, count in (("train", 240), ("dev", 40), ("test", 40))}


def test_no_sentence_of_one_split_occurs_in_another(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    train, dev, test = (set(part) for part in drawn.values())
    assert train.isdisjoint(dev | test)
    assert dev.isdisjoint(test)
    assert all(home(sentence) == split for split, part in drawn.items() for sentence in part)


def test_sentences_have_3_to_7_different_known_glosses(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    for sentence in chain.from_iterable(drawn.values()):
        assert 3 <= len(sentence) <= 7
        assert len(set(sentence)) == len(sentence)
        assert set(sentence) <= set(GLOSSES)


def test_22_training_sentences_hold_the_vocabulary() -> None:
    sentences = draw_sentences(0, "train", len(GLOSSES))
    assert {gloss for sentence in sentences for gloss in sentence} == set(GLOSSES)


def test_fewer_sentences_are_a_prefix_of_more(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    for split, sentences in drawn.items():
        assert draw_sentences(7, split, 30) == sentences[:30]


def test_another_seed_draws_other_sentences(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    assert draw_sentences(8, "test", 40) != drawn["test"]


def test_sentences_seldom_come_twice(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    for sentences in drawn.values():
        assert len(set(sentences)) > 0.7 * len(sentences)


@pytest.mark.parametrize("seed", range(3))
def test_the_demo_tests_on_different_sentences(seed: int) -> None:
    sentences = draw_sentences(seed, "test", CLIPS["test"], different=True)
    assert len(set(sentences)) >= CLIPS["test"] - 1
    assert all(home(sentence) == "test" for sentence in sentences)
    assert len(set(draw_sentences(seed, "test", CLIPS["test"]))) < CLIPS["test"] / 2  # as the grammar has them


def test_a_bigram_of_train_foretells_the_test_sentences(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    """Perplexity with add-0.1 smoothing: far below the unigram's, or a language model would be of no use."""
    bigrams = Counter(pair for sentence in drawn["train"] for pair in pairwise(("^", *sentence, "$")))
    unigrams = Counter(gloss for sentence in drawn["train"] for gloss in (*sentence, "$"))
    histories = Counter(gloss for sentence in drawn["train"] for gloss in ("^", *sentence))
    size, words = len(unigrams), sum(unigrams.values())
    pairs = [pair for sentence in drawn["test"] for pair in pairwise(("^", *sentence, "$"))]
    bigram = sum(math.log((bigrams[a, b] + 0.1) / (histories[a] + 0.1 * size)) for a, b in pairs)
    unigram = sum(math.log(unigrams[b] / words) for _, b in pairs)
    assert math.exp(-bigram / len(pairs)) < 0.3 * math.exp(-unigram / len(pairs))


def test_scoring_rules_of_the_corpus_leave_the_glosses_alone(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    rules = profile("phoenix2014")
    for sentence in drawn["train"]:
        assert tuple(rules.reference(sentence)) == tuple(rules.hypothesis(sentence)) == sentence
