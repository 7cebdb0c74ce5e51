"""Alignment against a brute-force enumeration, jiwer and editdistance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import jiwer
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from peak_memory import peak_memory

from sla_cli.core.edit_alignment import Counts, align, count
from sla_cli.errors import SlaError

COSTS = {"C": 0, "S": 4, "D": 3, "I": 3}
PREFERENCE = {"C": 0, "S": 0, "D": 1, "I": 2}
few_words = st.lists(st.sampled_from("ABC"), max_size=5)
sentences = st.lists(st.sampled_from("ABCDEFGH"), max_size=14)


def every_alignment(ref: list[str], hyp: list[str]) -> Iterator[str]:
    """Every alignment of two sentences as a string of its steps."""
    if not ref and not hyp:
        yield ""
    if ref and hyp:
        yield from (("C" if ref[0] == hyp[0] else "S") + rest for rest in every_alignment(ref[1:], hyp[1:]))
    if ref:
        yield from ("D" + rest for rest in every_alignment(ref[1:], hyp))
    if hyp:
        yield from ("I" + rest for rest in every_alignment(ref, hyp[1:]))


def cost(steps: str) -> int:
    return sum(COSTS[step] for step in steps)


def steps_of(ref: list[str], hyp: list[str]) -> str:
    return "".join(pair.op for pair in align(ref, hyp))


@settings(max_examples=50, deadline=None)
@given(few_words, few_words)
def test_is_the_cheapest_alignment_that_comes_first_from_the_end(ref: list[str], hyp: list[str]) -> None:
    best = min(every_alignment(ref, hyp), key=lambda steps: (cost(steps), [PREFERENCE[s] for s in reversed(steps)]))
    assert steps_of(ref, hyp) == best


def by_recursion(ref: list[str], hyp: list[str]) -> tuple[int, str, frozenset[int]]:
    """Least cost, the steps from the end that come first among those of that cost, and how many errors such may have.

    Defined step by step from the end, without a table, so it is independent of the implementation.
    """

    @cache
    def best(i: int, j: int) -> tuple[int, tuple[int, ...], str, frozenset[int]]:
        if not i and not j:
            return 0, (), "", frozenset([0])
        ways = []
        if i and j:
            ways.append(("C" if ref[i - 1] == hyp[j - 1] else "S", *best(i - 1, j - 1)))
        if i:
            ways.append(("D", *best(i - 1, j)))
        if j:
            ways.append(("I", *best(i, j - 1)))
        found = [
            (COSTS[step] + spent, (PREFERENCE[step], *order), steps + step, {n + (step != "C") for n in errors})
            for step, spent, order, steps, errors in ways
        ]
        least, order, steps, _ = min(found, key=lambda way: way[:2])
        return least, order, steps, frozenset().union(*(way[3] for way in found if way[0] == least))

    least, _, steps, errors = best(len(ref), len(hyp))
    return least, steps, errors


@settings(max_examples=100, deadline=None)
@given(sentences, sentences)
def test_equals_an_independent_implementation_on_whole_sentences(ref: list[str], hyp: list[str]) -> None:
    least, steps, errors = by_recursion(ref, hyp)
    ours = steps_of(ref, hyp)
    assert (cost(ours), ours) == (least, steps)
    if ref and hyp:
        output = jiwer.process_words(" ".join(ref), " ".join(hyp))
        fewest = output.substitutions + output.deletions + output.insertions
        assert min(errors) >= fewest
        if errors == {fewest}:
            assert count(align(ref, hyp)).errors == fewest


@settings(max_examples=50, deadline=None)
@given(sentences, sentences)
def test_pairs_spell_both_sentences(ref: list[str], hyp: list[str]) -> None:
    pairs = align(ref, hyp)
    assert [pair.reference for pair in pairs if pair.reference is not None] == ref
    assert [pair.hypothesis for pair in pairs if pair.hypothesis is not None] == hyp
    for pair in pairs:
        assert (pair.op == "C") == (pair.reference == pair.hypothesis)
        assert (pair.op == "D") == (pair.hypothesis is None)
        assert (pair.op == "I") == (pair.reference is None)
    counts = count(pairs)
    assert counts.ref_words == len(ref)
    assert counts.correct + counts.substitutions + counts.insertions == len(hyp)


@pytest.mark.needs("editdistance")
@given(sentences, sentences)
def test_no_fewer_errors_than_the_edit_distance(ref: list[str], hyp: list[str]) -> None:
    import editdistance

    assert count(align(ref, hyp)).errors >= editdistance.eval(ref, hyp)


@settings(max_examples=50, deadline=None)
@given(few_words.filter(bool), few_words.filter(bool))
def test_jiwer_agrees_on_errors_where_all_cheapest_alignments_have_the_fewest(ref: list[str], hyp: list[str]) -> None:
    alignments = list(every_alignment(ref, hyp))
    least = min(map(cost, alignments))
    errors = {len(steps) - steps.count("C") for steps in alignments if cost(steps) == least}
    output = jiwer.process_words(" ".join(ref), " ".join(hyp))
    fewest = output.substitutions + output.deletions + output.insertions
    assume(errors == {fewest})
    assert count(align(ref, hyp)).errors == fewest


def test_weights_rather_than_fewest_errors() -> None:
    # Six insertions and deletions cost 18, five substitutions 20: sclite counts six errors, Levenshtein five.
    ref, hyp = list("ABCDE"), list("DEXYZ")
    assert steps_of(ref, hyp) == "DDDCCIII"
    assert jiwer.process_words(" ".join(ref), " ".join(hyp)).wer == 1.0  # five errors of five words


def test_case_is_ignored_and_kept() -> None:
    assert align(["Regen", "STRASSE"], ["REGEN", "straße"]) == [
        ("C", "Regen", "REGEN"),
        ("S", "STRASSE", "straße"),
    ]
    assert steps_of(["ÄRGER"], ["ärger"]) == "C"


def test_equal_sides_are_correct_at_any_length() -> None:
    words = ["A", "B"] * 100_000
    assert count(align(words, words)).correct == 200_000


def test_lengths_that_no_recording_has_are_refused() -> None:
    with pytest.raises(SlaError, match="one clip has 100,000 reference glosses and 100,000 recognised ones"):
        align(["A"] * 100_000, ["B"] * 100_000)


def test_one_empty_side() -> None:
    assert align([], []) == []
    assert steps_of(["A", "B"], []) == "DD"
    assert steps_of([], ["A", "B"]) == "II"


def test_lengths_beyond_a_byte() -> None:
    ref = ["A"] * 300
    assert count(align(ref, [])) == Counts(deletions=300)
    assert count(align(ref, [*ref[:-1], "B"])) == Counts(correct=299, substitutions=1)


def test_counts_add_and_rates_follow() -> None:
    total = Counts(correct=8, substitutions=1, deletions=1, insertions=3) + Counts(correct=10)
    assert total == Counts(18, 1, 1, 3)
    assert (total.errors, total.ref_words, total.wer) == (5, 20, 25.0)
    assert Counts(insertions=3, correct=1).wer == 300.0


def test_no_rate_without_reference_words() -> None:
    with pytest.raises(SlaError, match="no words"):
        _ = Counts(insertions=2).wer


def by_whole_table(ref: list[str], hyp: list[str]) -> str:
    """The steps from a table of all costs, in NumPy, filled and followed cell by cell."""
    costs = np.zeros((len(ref) + 1, len(hyp) + 1), int)
    costs[0], costs[:, 0] = 3 * np.arange(len(hyp) + 1), 3 * np.arange(len(ref) + 1)
    for i, j in np.ndindex(len(ref), len(hyp)):
        diagonal = costs[i, j] + 4 * (ref[i] != hyp[j])
        costs[i + 1, j + 1] = min(diagonal, costs[i, j + 1] + 3, costs[i + 1, j] + 3)
    (i, j), steps = (len(ref), len(hyp)), ""
    while i or j:
        if i and j and costs[i, j] == costs[i - 1, j - 1] + 4 * (ref[i - 1] != hyp[j - 1]):
            i, j, steps = i - 1, j - 1, ("C" if ref[i - 1] == hyp[j - 1] else "S") + steps
        elif i and costs[i, j] == costs[i - 1, j] + 3:
            i, steps = i - 1, "D" + steps
        else:
            j, steps = j - 1, "I" + steps
    return steps


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_long_sentences_are_aligned_as_by_a_table_of_all_costs(
    ours: int, theirs: int, words: int, seed: int, related: bool
) -> None:
    rng = np.random.default_rng(seed)
    ref = [f"W{number}" for number in rng.integers(0, words, ours)]
    hyp = [f"W{number}" for number in rng.integers(0, words, theirs)]
    if related:  # the same with a tenth lost, and a tenth replaced
        hyp = [word if rng.random() < 0.9 else "W0" for word in ref if rng.random() < 0.9]
    assert steps_of(ref, hyp) == by_whole_table(ref, hyp)


def test_memory_is_linear_in_the_longer_sentence() -> None:
    rng = np.random.default_rng(0)
    peaks = []
    for length in (300, 1200):
        ref = [f"W{number}" for number in rng.integers(0, 50, length)]
        hyp = [word for word in ref if rng.random() < 0.8]
        peaks.append(peak_memory(lambda ref=ref, hyp=hyp: align(ref, hyp)))
        assert count(align(ref, hyp)).ref_words == length
    assert peaks[1] < 6 * peaks[0]  # 4 times as long; a table would take 16 times as much
