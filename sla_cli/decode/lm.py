"""Gloss n-gram estimation: interpolated modified Kneser-Ney, as KenLM's lmplz computes it.

Chen & Goodman 1998, "An empirical study of smoothing techniques for language modeling"; Heafield et al. 2013,
"Scalable modified Kneser-Ney language model estimation". Nothing is pruned.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sla_cli.decode.lm_file import MAX_ORDER, RESERVED, SEPARATORS
from sla_cli.errors import SlaError, some
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.table import read_text

START, END, UNKNOWN = "<s>", "</s>", "<unk>"
FALLBACK = (0.5, 1.0, 1.5)  # lmplz --discount_fallback

Gram = tuple[str, ...]
Discounts = tuple[float, float, float]  # of n-grams seen once, twice, more often


@dataclass(frozen=True)
class Arpa:
    """A back-off model.

    Attributes:
        ngrams: for order 1, 2, ... the n-grams with (log10 probability, log10 back-off weight).
        fallbacks: the orders whose discounts were replaced by (0.5, 1, 1.5), if any.
    """

    ngrams: tuple[dict[Gram, tuple[float, float]], ...]
    fallbacks: tuple[int, ...] = ()


def estimate(sentences: Iterable[Sequence[str]], order: int, fallback: bool = False) -> Arpa:
    """Estimate a model from sentences, as `lmplz -o order` does.

    Args:
        sentences: glosses of each sentence, without sentence marks.
        order: 2 to 6.
        fallback: where the counts of an order allow no discounts, take (0.5, 1, 1.5) instead of raising.

    Raises:
        SlaError: the order, no sentences, a reserved word in a sentence, or counts that allow no discounts.
    """
    if not 2 <= order <= MAX_ORDER:
        raise SlaError(f"a language model of order {order}", f"KenLM reads orders 2 to {MAX_ORDER}.")
    counts = _adjusted_counts(sentences, order)
    lower: dict[Gram, float] = {(): 1 / (len(counts[0]) + 1)}  # uniform over the words and <unk>
    levels: list[dict[Gram, float]] = []
    backoffs: list[dict[Gram, float]] = []
    fallbacks = []
    for n, level in enumerate(counts, start=1):
        discounts, fell = _discounts(level, n, fallback)
        if fell:
            fallbacks.append(n)
        lower, backoff = _interpolate(level, discounts, lower)
        if n == 1:
            lower = {(UNKNOWN,): backoff[()] / (len(level) + 1), **lower}
        levels.append(lower)
        backoffs.append(backoff)
    levels[0] = {(START,): 1.0, **levels[0]}
    return Arpa(
        tuple(
            {gram: (_log10(p), _log10(weights.get(gram, 1.0))) for gram, p in level.items()}
            for level, weights in zip(levels, [*backoffs[1:], {}], strict=True)
        ),
        tuple(fallbacks),
    )


def write_arpa(arpa: Arpa, path: Path) -> None:
    """Write the ARPA file that KenLM and pyctcdecode read. Raises SlaError where it cannot be written."""
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("\\data\\\n")
        for n, level in enumerate(arpa.ngrams, start=1):
            file.write(f"ngram {n}={len(level)}\n")
        for n, level in enumerate(arpa.ngrams, start=1):
            file.write(f"\n\\{n}-grams:\n")
            highest = n == len(arpa.ngrams)
            for gram, (probability, backoff) in level.items():
                weight = "" if highest else f"\t{backoff:.8g}"
                file.write(f"{probability:.8g}\t{' '.join(gram)}{weight}\n")
        file.write("\n\\end\\\n")


def read_sentences(path: Path) -> Iterator[tuple[str, ...]]:
    """Sentences of a UTF-8 text, one a line, glosses split at white space; empty lines are skipped.

    Raises:
        SlaError: the file cannot be read, is not UTF-8, or holds a reserved word; names the line.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        glosses = tuple(line.split())
        _refuse_reserved(glosses, f"{path}, line {number}")
        if glosses:
            yield glosses


def _adjusted_counts(sentences: Iterable[Sequence[str]], order: int) -> list[Counter[Gram]]:
    """For each order: how often (the highest), or after how many different words (the others), n-grams occur.

    Nothing precedes a sentence, so n-grams that begin one keep their plain counts.
    """
    counts: list[Counter[Gram]] = [Counter() for _ in range(order)]
    for number, sentence in enumerate(sentences, start=1):
        _refuse_reserved(sentence, f"sentence {number}")
        words = (START, *sentence, END)
        counts[-1].update(words[i : i + order] for i in range(len(words) - order + 1))
        for n in range(2, min(order, len(words) + 1)):
            counts[n - 1][words[:n]] += 1
    for n in range(order - 1, 0, -1):
        counts[n - 1].update(gram[1:] for gram in counts[n])
    if not counts[0]:
        raise SlaError("no sentences to estimate a language model from", "Is the text empty?")
    torn = [repr(gloss) for (gloss,) in counts[0] if not gloss or SEPARATORS.search(gloss)]
    if torn:
        raise SlaError(f"glosses that are empty or hold white space: {some(torn)}", "Join or split their parts.")
    return counts


def _discounts(level: Mapping[Gram, int], n: int, fallback: bool) -> tuple[Discounts, bool]:
    """Chen & Goodman's equation 26 from the counts of counts, and whether the fallback was taken."""
    seen = Counter(level.values())
    problem = next((f"none occurs {k} times" for k in (1, 2, 3) if not seen[k]), "")
    if not problem:
        share = seen[1] / (seen[1] + 2 * seen[2])
        one, two, more = (k - (k + 1) * share * seen[k + 1] / seen[k] for k in (1, 2, 3))
        if 0 <= one <= 1 and 0 <= two <= 2 and 0 <= more <= 3:
            return (one, two, more), False
        problem = f"they come out as {one:.2f}, {two:.2f}, {more:.2f}"
    if fallback:
        return FALLBACK, True
    raise SlaError(
        f"no discounts for {n}-grams: {problem}; the text is small or repeats its sentences",
        "Drop repeated sentences, choose a lower order, or allow the fallback discounts (0.5, 1, 1.5).",
    )


def _interpolate(
    level: Mapping[Gram, int], discounts: Discounts, lower: Mapping[Gram, float]
) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Probabilities of an order's n-grams, and by context the mass left to the order below."""
    totals: defaultdict[Gram, int] = defaultdict(int)
    freed: defaultdict[Gram, float] = defaultdict(float)
    for gram, count in level.items():
        totals[gram[:-1]] += count
        freed[gram[:-1]] += discounts[min(count, 3) - 1]
    backoff = {context: freed[context] / total for context, total in totals.items()}
    probabilities = {}
    for gram, count in level.items():
        context = gram[:-1]
        kept = (count - discounts[min(count, 3) - 1]) / totals[context]
        probabilities[gram] = kept + backoff[context] * lower[gram[1:]]
    return probabilities, backoff


def _log10(p: float) -> float:
    """-99 stands for zero in ARPA files; rounding must not give a positive logarithm, which KenLM refuses."""
    return min(math.log10(p), 0.0) if p > 0 else -99.0


def _refuse_reserved(glosses: Sequence[str], where: str) -> None:
    for gloss in glosses:
        if gloss in RESERVED:
            raise SlaError(
                f"{where}: {gloss} is a mark of language models, not a gloss",
                "Give sentences without <s> and </s>, and rename the gloss <unk>.",
            )
