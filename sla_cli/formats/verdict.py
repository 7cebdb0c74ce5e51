"""What a comparison of two systems says: its verdict in words, its JSON values, and a table of clips."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from sla_cli.core.comparison import Comparison, MatchedPairs
from sla_cli.core.result import Score
from sla_cli.formats.scores import one_line, summary, write_tsv


def verdict(found: Comparison) -> str:
    """One sentence. Interval and test must agree; where prompts repeat, the interval alone decides."""
    first, second = found.names
    if not found.better and not found.worse:
        return f"{first} and {second} make the same number of errors in every clip."
    if found.interval is None:
        return "Nothing can be said: all clips have the same reference."
    if not found.difference:
        return f"No difference is shown: {first} and {second} make as many errors."
    by_interval = not found.interval.low <= 0 <= found.interval.high
    by_test = found.test.p is not None and found.test.p < 1 - found.interval.level / 100
    better, worse = (second, first) if found.difference < 0 else (first, second)
    points = f"{abs(found.difference):.2f} points"
    if by_interval and found.interval.is_rough:
        few = f"{found.interval.units} sentences are too few to rule out chance"
        return f"Undecided: {points} in favour of {better}, but {few}."
    if by_interval and (by_test or found.prompts_repeat or found.test.p is None):
        return f"{better} is better than {worse} by {points}, more than chance explains."
    if by_interval or (by_test and not found.prompts_repeat):
        sign = "excludes" if by_interval else "includes"
        return f"Undecided: the interval {sign} 0, but the matched-pairs test gives {p_value(found.test)}."
    return f"No difference is shown: {points} in favour of {better} may well be chance."


def p_value(test: MatchedPairs) -> str:
    """`p = 0.012`"""
    if test.p is None:
        return "none (no spread)"
    return "p < 0.001" if test.p < 0.001 else f"p = {test.p:.3f}"


def comparison_facts(found: Comparison) -> dict[str, Any]:
    """JSON values. Rates and differences are in percent and points."""
    interval = found.interval
    return {
        "a": _facts(found.names[0], found.first),
        "b": _facts(found.names[1], found.second),
        "difference": found.difference,
        "interval": [interval.low, interval.high] if interval else None,
        "level": interval.level if interval else None,
        "sentences": interval.units if interval else 1,
        "probability_of_improvement": found.improvement,
        "matched_pairs": asdict(found.test),
        "clips": {"better": found.better, "worse": found.worse, "equal": found.equal},
        "glosses": [asdict(change) for change in found.changes],
        "verdict": verdict(found),
    }


def write_differences(path: Path, first: Score, second: Score) -> None:
    """A table of clips with both systems' errors and hypotheses; `difference` is second less first.

    Args:
        first, second: scores of the same clips in the same order.
    """
    columns = "id signer ref_words errors_a errors_b difference reference hypothesis_a hypothesis_b"
    rows = [
        [
            a.id,
            one_line(a.signer),
            a.counts.ref_words,
            a.counts.errors,
            b.counts.errors,
            b.counts.errors - a.counts.errors,
            *map(" ".join, (a.reference, a.hypothesis, b.hypothesis)),
        ]
        for a, b in zip(first.clips, second.clips, strict=True)
    ]
    write_tsv(path, columns.split(), rows)


def _facts(name: str, score: Score) -> dict[str, Any]:
    figures = summary(score)
    return {"name": name, **{key: figures[key] for key in ("wer", "interval", "errors", "ref_words", "signature")}}
