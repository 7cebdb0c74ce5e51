"""The input of a Kneser-Ney model: adjusted counts of n-grams, and which n-grams are pruned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sla_cli.errors import SlaError
from sla_cli.lm.arpa import Gram
from sla_cli.lm.kenlm_model import MAX_ORDER, RESERVED, refuse_non_glosses

START, END, UNKNOWN = "<s>", "</s>", "<unk>"


def adjusted_counts(sentences: Sequence[Sequence[str]], order: int) -> list[Counter[Gram]]:
    """For each order, how often n-grams occur (highest order), or after how many different words (lower orders).

    No word precedes a sentence, so n-grams at its beginning keep their plain counts.

    Raises:
        SlaError: no sentences, or a gloss that is empty, reserved or holds white space.
    """
    counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for number, sentence in enumerate(sentences, start=1):
        refuse_reserved(sentence, f"sentence {number}")
        words = (START, *sentence, END)
        counts[-1].update(words[i : i + order] for i in range(len(words) - order + 1))
        for n in range(2, min(order, len(words) + 1)):
            counts[n - 1][words[:n]] += 1
    for n in range(order - 1, 0, -1):
        counts[n - 1].update(gram[1:] for gram in counts[n])
    if not counts[0]:
        raise SlaError("no sentences to estimate a language model from", "Is the text empty?")
    refuse_non_glosses(gloss for (gloss,) in counts[0])
    return counts


def kept_ngrams(sentences: Sequence[Sequence[str]], thresholds: Sequence[int]) -> list[set[Gram] | None]:
    """The n-grams that occur more often than their order's threshold; None for an order that keeps all.

    As in lmplz, the threshold applies to the frequency of the n-gram in the text, not to its adjusted count. If
    thresholds never decrease, all parts of a kept n-gram are kept.
    """
    return [_frequent(sentences, n, threshold) if threshold else None for n, threshold in enumerate(thresholds, 1)]


def _frequent(sentences: Sequence[Sequence[str]], n: int, threshold: int) -> set[Gram]:
    counts: Counter[Gram] = Counter()
    for sentence in sentences:
        words = (START, *sentence, END)
        counts.update(words[i : i + n] for i in range(len(words) - n + 1))
    return {gram for gram, count in counts.items() if count > threshold}


def check_thresholds(prune: Sequence[int], order: int) -> tuple[int, ...]:
    """A threshold for each order, the last repeated, as lmplz reads `--prune`.

    Raises:
        SlaError: too many, decreasing or negative thresholds, or one for unigrams: each gloss stays in the model.
    """
    if not 2 <= order <= MAX_ORDER:
        raise SlaError(f"a language model cannot have order {order}", f"KenLM supports orders 2 to {MAX_ORDER}.")
    given = tuple(prune) or (0,)
    example = ",".join(["0"] * (order - 1) + ["1"])
    hint = f"Give for each order from 1 to {order} the count up to which n-grams are dropped, such as {example}."
    given_as = f"pruning thresholds {','.join(map(str, given))}"
    if len(given) > order:
        raise SlaError(f"{given_as} are too many for a model of order {order}", hint)
    if given[0] != 0:
        raise SlaError(f"{given_as}: the first is not 0, and a model without some glosses forbids them", hint)
    if list(given) != sorted(given):
        raise SlaError(f"{given_as} decrease: an n-gram would be kept without its parts", hint)
    return given + given[-1:] * (order - len(given))


def refuse_reserved(glosses: Sequence[str], where: str) -> None:
    """Raise SlaError, naming the place, if a gloss is a word with a special meaning in a language model."""
    for gloss in glosses:
        if gloss in RESERVED:
            raise SlaError(
                f"{where}: {gloss} is a special symbol of language models, not a gloss",
                "Give sentences without <s> and </s>, and rename the gloss <unk>.",
            )
