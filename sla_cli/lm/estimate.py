"""Gloss n-gram estimation: interpolated modified Kneser-Ney, as KenLM's lmplz computes it.

Chen & Goodman 1998, "An empirical study of smoothing techniques for language modeling"; Heafield et al. 2013,
"Scalable modified Kneser-Ney language model estimation". One difference remains: for the counts of counts, lmplz uses
the plain instead of the adjusted count of the last n-gram of each lower order (last in its own numbering of words).
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal

from sla_cli.errors import SlaError
from sla_cli.lm.arpa import Arpa, Discounts, Gram
from sla_cli.lm.counts import START, UNKNOWN, adjusted_counts, check_thresholds, kept_ngrams

FALLBACK = (0.5, 1.0, 1.5)  # lmplz --discount_fallback

Unknown = Literal["share", "all"]


def estimate(
    sentences: Iterable[Sequence[str]],
    order: int,
    fallback: bool = False,
    *,
    prune: Sequence[int] = (),
    unknown: Unknown = "share",
) -> Arpa:
    """Estimate a model from sentences, as `lmplz -o order` does.

    Args:
        sentences: glosses of each sentence, without sentence marks.
        order: 2 to 6.
        fallback: if discounts cannot be computed from the counts of an order, use (0.5, 1, 1.5) instead of raising.
        prune: for order 1, 2, ... drop n-grams that occur at most this often; the last also holds for higher orders.
            Their probability is given to the order below, so the model still sums to 1.
        unknown: the part of the probability mass freed by the unigrams' discounts that <unk> gets: an equal "share", as
            if it were one more gloss (lmplz), or "all" of it (SRILM, lmplz --interpolate_unigrams 0).

    Raises:
        SlaError: an invalid order or thresholds, no sentences, a reserved word in a sentence, or counts from which
            discounts cannot be computed.
    """
    thresholds = check_thresholds(prune, order)
    sentences = list(sentences)
    counts = adjusted_counts(sentences, order)
    even = 1 / (len(counts[0]) + 1)  # uniform over the words and <unk>
    of_known, of_unknown = (even, even) if unknown == "share" else (0.0, 1.0)
    lower: dict[Gram, float] = {(): of_known}
    levels: list[dict[Gram, float]] = []
    backoffs: list[dict[Gram, float]] = []
    discounts, fallbacks = [], []
    for n, (level, kept) in enumerate(zip(counts, kept_ngrams(sentences, thresholds), strict=True), start=1):
        taken, fell = _discounts(level.values(), n, fallback)
        discounts.append(taken)
        if fell:
            fallbacks.append(n)
        lower, backoff = _interpolate(level, kept, taken, lower)
        if n == 1:
            lower = {(UNKNOWN,): backoff[()] * of_unknown, **lower}
        levels.append(lower)
        backoffs.append(backoff)
    levels[0] = {(START,): 1.0, **levels[0]}
    return Arpa(
        tuple(
            {gram: (_log10(p), _log10(weights.get(gram, 1.0))) for gram, p in level.items()}
            for level, weights in zip(levels, [*backoffs[1:], {}], strict=True)
        ),
        tuple(discounts),
        tuple(fallbacks),
    )


def _discounts(counts: Iterable[int], n: int, fallback: bool) -> tuple[Discounts, bool]:
    """The discounts of the n-grams of order `n`, and whether they are the fallback.

    Args:
        counts: adjusted counts of all n-grams of the order.
        fallback: use `FALLBACK` instead of raising.

    Raises:
        SlaError: discounts cannot be computed from the counts, and `fallback` is off.
    """
    found, problem = discounts_of(counts)
    if found is not None:
        return found, False
    if fallback:
        return FALLBACK, True
    raise SlaError(
        f"no discounts can be computed for {n}-grams: {problem}; the text is small or repeats its sentences",
        "Drop repeated sentences (--unique), choose a lower --order, "
        "or allow the fallback discounts 0.5, 1, 1.5 (--fallback).",
    )


def discounts_of(counts: Iterable[int]) -> tuple[Discounts | None, str]:
    """Chen & Goodman's equation 26 from the counts of counts; None and the reason if it gives no valid discounts.

    Args:
        counts: adjusted counts of all n-grams of an order.
    """
    seen = Counter(counts)
    if missing := [("once", "twice", "three times")[k - 1] for k in (1, 2, 3) if not seen[k]]:
        return None, f"none occurs {missing[0]}"
    share = seen[1] / (seen[1] + 2 * seen[2])
    one, two, more = (k - (k + 1) * share * seen[k + 1] / seen[k] for k in (1, 2, 3))
    if 0 <= one <= 1 and 0 <= two <= 2 and 0 <= more <= 3:
        return (one, two, more), ""
    return None, f"the formula gives {one:.2f}, {two:.2f}, {more:.2f}"


def _interpolate(
    level: Mapping[Gram, int], kept: AbstractSet[Gram] | None, discounts: Discounts, lower: Mapping[Gram, float]
) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """Probabilities of an order's kept n-grams, and by context the mass left to the order below."""
    totals: defaultdict[Gram, int] = defaultdict(int)
    freed: defaultdict[Gram, float] = defaultdict(float)
    for gram, count in level.items():
        totals[gram[:-1]] += count
        stays = kept is None or gram in kept
        freed[gram[:-1]] += discounts[min(count, 3) - 1] if stays else count
    backoff = {context: freed[context] / total for context, total in totals.items()}
    probabilities = {}
    for gram, count in level.items():
        if kept is None or gram in kept:
            context = gram[:-1]
            own = (count - discounts[min(count, 3) - 1]) / totals[context]
            probabilities[gram] = own + backoff[context] * lower[gram[1:]]
    return probabilities, backoff


def _log10(p: float) -> float:
    """-99 means zero in ARPA files; rounding must not give a positive logarithm, which KenLM refuses."""
    return min(math.log10(p), 0.0) if p > 0 else -99.0
