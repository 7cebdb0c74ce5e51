"""The order of a language model that a text supports: the discounts of a small text do not come out for all orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sla_cli.errors import SlaError
from sla_cli.lm.counts import adjusted_counts
from sla_cli.lm.estimate import discounts_of
from sla_cli.log import log

LOWEST, DEFAULT = 2, 3  # KenLM reads no unigram models; above 3 gloss corpora gain next to nothing


class Order(NamedTuple):
    """The order that a model gets.

    Attributes:
        order: length of the n-grams.
        fallback: whether fixed discounts are taken for orders that have none of their own.
        why: why it is not the default order with discounts of its own, "" where it is or was asked for.
    """

    order: int
    fallback: bool = False
    why: str = ""


def choose_order(sentences: Sequence[Sequence[str]], asked: int | None, fallback: bool) -> Order:
    """The order that was asked for; if none was, the highest up to 3 for which the text gives discounts.

    A text that gives none even for bigrams gets a bigram with the fallback discounts. What is chosen for a reason is
    logged with it.

    Args:
        sentences: glosses of each sentence.
        asked: the order that a user wants, None to choose.
        fallback: the user allows the fallback discounts; then nothing is lowered.

    Raises:
        SlaError: the text does not support the order that was asked for, and `fallback` is off; no sentences, or a
            reserved word in one.
    """
    most = DEFAULT if asked is None else asked
    if fallback:
        return Order(most, True)
    supported, problems = _supported(sentences, most)
    if asked is not None and problems:
        raise _refusal(asked, supported, problems[0])
    if not problems:
        return Order(most)
    chosen = Order(supported or LOWEST, supported is None, problems[-1])
    how = ", with fixed discounts (0.5, 1, 1.5)" if chosen.fallback else ""
    log.warning(
        "a model of order %d%s: %s; the text is small or repeats its sentences (--unique)",
        chosen.order,
        how,
        chosen.why,
    )
    return chosen


def _supported(sentences: Sequence[Sequence[str]], most: int) -> tuple[int | None, list[str]]:
    """The highest order with discounts of its own, None for none, and what is wrong with those above it, downwards."""
    problems: list[str] = []
    for order in range(most, LOWEST - 1, -1):
        problem = _problem(sentences, order)
        if not problem:
            return order, problems
        problems.append(problem)
    return None, problems


def _problem(sentences: Sequence[Sequence[str]], order: int) -> str:
    """Why the text has no model of this order with discounts of its own; "" where it has."""
    for n, counts in enumerate(adjusted_counts(sentences, order), start=1):
        found, problem = discounts_of(counts.values())
        if found is None:
            return f"no discounts for {n}-grams: {problem}"
    return ""


def _refusal(asked: int, supported: int | None, problem: str) -> SlaError:
    hint = "drop repeated sentences (--unique), or allow the fallback discounts 0.5, 1, 1.5 (--fallback)."
    instead = f"The text supports order {supported}, which leaving --order out takes. For order {asked} "
    return SlaError(
        f"{problem}; the text is small or repeats its sentences, and has no model of order {asked}",
        f"{instead}{hint}" if supported else f"It supports no lower order either: {hint}",
    )
