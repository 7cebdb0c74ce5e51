"""The order of a language model that a text supports: a small text does not give discounts for all orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sla_cli.errors import SlaError
from sla_cli.lm.counts import adjusted_counts
from sla_cli.lm.estimate import discounts_of
from sla_cli.log import log

LOWEST, DEFAULT = 2, 3  # KenLM cannot read unigram models; orders above 3 help very little on gloss corpora


class ChosenOrder(NamedTuple):
    """The chosen order of a model.

    Attributes:
        order: length of the n-grams.
        fallback: whether fixed discounts are used for orders whose discounts cannot be computed.
        why: why it is not the default order with computed discounts, "" if it is, or if the user chose it.
    """

    order: int
    fallback: bool = False
    why: str = ""


def choose_order(sentences: Sequence[Sequence[str]], asked: int | None, fallback: bool) -> ChosenOrder:
    """The given order; if none is given, the highest up to 3 for which the text gives discounts.

    If there are no discounts even for bigrams, the result is a bigram with the fallback discounts. The reason of such a
    choice is logged.

    Args:
        sentences: glosses of each sentence.
        asked: the order that the user gave, None to choose.
        fallback: the user allows the fallback discounts; then the order is not lowered.

    Raises:
        SlaError: the text does not support the given order, and `fallback` is off; no sentences, or a reserved word in
            one.
    """
    most = DEFAULT if asked is None else asked
    if fallback:
        return ChosenOrder(most, True)
    problems = {order: _problem(sentences, order) for order in range(most, LOWEST - 1, -1)}
    supported = next((order for order, problem in problems.items() if not problem), None)
    if supported == most:
        return ChosenOrder(most)
    if asked is not None:
        raise _refusal(asked, supported, problems[asked], sentences)
    above = LOWEST if supported is None else supported + 1
    chosen = ChosenOrder(supported or LOWEST, supported is None, problems[above])
    how = ", with fixed discounts (0.5, 1, 1.5)" if chosen.fallback else ""
    log.warning("a model of order %d%s: %s; %s", chosen.order, how, chosen.why, reason(sentences))
    return chosen


def reason(sentences: Sequence[Sequence[str]]) -> str:
    """Why sentences may give no discounts: `--unique` is named only where it drops some of them."""
    return "the text is small" + " or repeats its sentences (--unique)" * _repeat(sentences)


def _repeat(sentences: Sequence[Sequence[str]]) -> bool:
    return len(set(map(tuple, sentences))) < len(sentences)


def _problem(sentences: Sequence[Sequence[str]], order: int) -> str:
    """Why discounts of this order cannot be computed from the text; "" if they can."""
    for n, counts in enumerate(adjusted_counts(sentences, order), start=1):
        found, problem = discounts_of(counts.values())
        if found is None:
            return f"no discounts can be computed for {n}-grams: {problem}"
    return ""


def _refusal(asked: int, supported: int | None, problem: str, sentences: Sequence[Sequence[str]]) -> SlaError:
    hint = "drop repeated sentences (--unique), or " * _repeat(sentences)
    hint += "allow the fallback discounts 0.5, 1, 1.5 (--fallback)."
    instead = f"The text supports order {supported}, which is used without --order. For order {asked} "
    return SlaError(
        f"{problem}; {reason(sentences)}, so order {asked} is not possible",
        f"{instead}{hint}" if supported else f"No order gives discounts: {hint}",
    )
