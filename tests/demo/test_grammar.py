from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from sla_cli.core.normalize import profile
from sla_cli.demo.grammar import GLOSSES, draw_sentence, home


def sentences(split: str, count: int) -> list[tuple[str, ...]]:
    return [draw_sentence(np.random.default_rng([7, number]), split) for number in range(count)]


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[tuple[str, ...]]]:
    return {"train": sentences("train", 400), "dev": sentences("dev", 60), "test": sentences("test", 60)}


def test_no_sentence_of_one_split_occurs_in_another(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    train, dev, test = (set(part) for part in drawn.values())
    assert train.isdisjoint(dev | test)
    assert dev.isdisjoint(test)
    assert all(home(sentence) == split for split, part in drawn.items() for sentence in part)


def test_sentences_have_3_to_7_different_known_glosses(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    for sentence in sum(drawn.values(), []):
        assert 3 <= len(sentence) <= 7
        assert len(set(sentence)) == len(sentence)
        assert set(sentence) <= set(GLOSSES)


def test_train_holds_the_vocabulary(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    assert {gloss for sentence in drawn["train"] for gloss in sentence} == set(GLOSSES)


@pytest.mark.parametrize("gloss", GLOSSES)
def test_a_gloss_can_be_asked_for(gloss: str) -> None:
    assert gloss in draw_sentence(np.random.default_rng(0), "train", must_hold=gloss)


def test_there_are_many_sentences(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    assert len(set(drawn["train"])) > 150
    assert len(set(drawn["test"])) > 30


def test_a_bigram_of_train_foretells_the_test_sentences(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    """Perplexity with add-0.1 smoothing: far below the unigram's, or a language model would be of no use."""
    bigrams = Counter(pair for sentence in drawn["train"] for pair in pairwise(("^", *sentence, "$")))
    unigrams = Counter(gloss for sentence in drawn["train"] for gloss in (*sentence, "$"))
    histories = Counter(gloss for sentence in drawn["train"] for gloss in ("^", *sentence))
    size, words = len(unigrams), sum(unigrams.values())
    pairs = [pair for sentence in drawn["test"] for pair in pairwise(("^", *sentence, "$"))]
    bigram = sum(math.log((bigrams[a, b] + 0.1) / (histories[a] + 0.1 * size)) for a, b in pairs)
    unigram = sum(math.log(unigrams[b] / words) for _, b in pairs)
    assert math.exp(-bigram / len(pairs)) < 0.4 * math.exp(-unigram / len(pairs))


def test_scoring_rules_of_the_corpus_leave_the_glosses_alone(drawn: dict[str, list[tuple[str, ...]]]) -> None:
    rules = profile("phoenix2014")
    for sentence in drawn["train"]:
        assert tuple(rules.reference(sentence)) == tuple(rules.hypothesis(sentence)) == sentence
