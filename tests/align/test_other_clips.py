from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla_cli.align.other_clips import PRIOR, SMOOTHING, UNSEEN, Bigrams, Confusions
from sla_cli.core.edit_alignment import align
from sla_cli.core.hypothesis import Glosses

sentences = st.lists(st.sampled_from("ABCD"), max_size=6).map(tuple)
corpora = st.lists(sentences, min_size=1, max_size=6)


def log_probability(glosses: Glosses, others: list[Glosses], types: int) -> float:
    """By the definition, from the other references alone."""
    words = [(before, after) for other in others for before, after in pairwise(("<s>", *other, "</s>"))]
    total = 0.0
    for before, gloss in pairwise(("<s>", *glosses, "</s>")):
        frequency = (sum(after == gloss for _, after in words) + UNSEEN) / (len(words) + UNSEEN * types)
        after_it = sum(first == before for first, _ in words)
        total += math.log((words.count((before, gloss)) + PRIOR * frequency) / (after_it + PRIOR))
    return total


@given(corpora, st.data())
def test_fluency_is_what_a_bigram_of_the_other_references_says(corpus: list[Glosses], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(corpus) - 1))
    reference = corpus[number]
    first = data.draw(st.integers(0, len(reference)))
    last = data.draw(st.integers(first, min(first + 1, len(reference))))
    read = data.draw(st.lists(st.sampled_from("ABCD"), max_size=1))
    changed = (*reference[:first], *read, *reference[last:])
    others = [*corpus[:number], *corpus[number + 1 :]]
    types = len({gloss for sentence in corpus for gloss in sentence} | {"</s>"})
    expected = log_probability(changed, others, types) - log_probability(reference, others, types)
    assert Bigrams(corpus).fluency(reference, first, last, read) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=6))
def test_rarity_is_counted_in_the_other_clips(clips: list[tuple[Glosses, Glosses]]) -> None:
    alignments = [align(reference, read) for reference, read in clips]
    own, others = alignments[0], [pair for pairs in alignments[1:] for pair in pairs]
    counts = Counter((pair.reference, pair.hypothesis) for pair in others)
    for pair in own:
        read = sum(other.hypothesis == pair.hypothesis for other in others)
        share = (counts[pair.reference, pair.hypothesis] + SMOOTHING) / (read + SMOOTHING * 5)
        assert Confusions(alignments, 4).rarity(pair, own) == pytest.approx(-math.log(share))
