"""How much modified Kneser-Ney takes off the counts of n-grams, for what never occurred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sla_cli.errors import SlaError

FALLBACK = (0.5, 1.0, 1.5)  # lmplz --discount_fallback

Discounts = tuple[float, float, float]  # of n-grams seen once, twice, more often


def discounts_of(counts: Iterable[int], n: int, fallback: bool) -> tuple[Discounts, bool]:
    """Chen & Goodman's equation 26 from the counts of counts, and whether the fallback was taken.

    Args:
        counts: adjusted counts of all n-grams of the order `n`.
        fallback: take `FALLBACK` instead of raising.

    Raises:
        SlaError: the counts allow no discounts, and `fallback` is off.
    """
    seen = Counter(counts)
    problem = next((f"none occurs {('once', 'twice', 'three times')[k - 1]}" for k in (1, 2, 3) if not seen[k]), "")
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
        "Drop repeated sentences (--unique), choose a lower --order, "
        "or allow the fallback discounts 0.5, 1, 1.5 (--fallback).",
    )
