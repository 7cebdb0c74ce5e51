"""Two systems on the same references: where their alignments differ, with figures and a conclusion in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sla_cli.core.clip_score import ClipScore
from sla_cli.core.clusters import sentences
from sla_cli.core.counted import counted
from sla_cli.core.quantities import Count, Share
from sla_cli.core.result import Cluster, Interval, Score

BUFFER = 2  # correct words that end a segment; the default of NIST's sc_stats
DISTINCT = 0.9  # share of distinct references, or other clusters, above which clips are treated as independent

Both = tuple[ClipScore, ClipScore]


@dataclass(frozen=True)
class Change:
    """How often the second system got a gloss of the references that the first missed, and the other way round.

    Attributes:
        gloss: gloss of the references
        ref_words: number of its occurrences in the references
        gained: how often only b recognises it
        lost: how often only a recognises it
    """

    gloss: str
    ref_words: Count
    gained: Count
    lost: Count


@dataclass(frozen=True)
class MatchedPairs:
    """The MAPSSWE test.

    Attributes:
        segments: number of segments in which at least one system has an error
        z: mean difference of errors per segment (second minus first) divided by its standard error; 0 if all
            differences are 0; null if all are equal otherwise, or there is only one
        p: two-sided p-value, from the normal distribution (Gillick & Cox want about 50 segments for it); null if `z` is
            null
    """

    segments: Count
    z: float | None
    p: Share | None


@dataclass(frozen=True)
class Comparison:
    """How two systems differ; differences are second minus first, so below 0 the second is better.

    Attributes:
        names: the names of the systems.
        first, second: their scores, clips in the same order, intervals from the same resampling.
        interval: of the difference in WER, in points; None if all clips are of one cluster.
        cluster: what was drawn.
        improvement: share of resampled sets in which the second makes fewer errors; a tie counts half.
        test: on the errors themselves.
        better, worse, equal: clips in which the second makes fewer, more, or equally many errors.
        changes: glosses that one recognises where the other does not, those that changed most first.
    """

    names: tuple[str, str]
    first: Score
    second: Score
    interval: Interval | None
    cluster: Cluster
    improvement: float | None
    test: MatchedPairs
    better: int
    worse: int
    equal: int
    changes: list[Change]

    @property
    def difference(self) -> float:
        """WER of the second minus that of the first, in points."""
        return self.second.total.wer - self.first.total.wer

    @property
    def is_clustered(self) -> bool:
        """Whether clips share references, or the clusters that are drawn, so often that the test is too confident."""
        if self.interval is None:
            return False
        return min(self.interval.units, len(set(sentences(self.first.clips)))) < DISTINCT * len(self.first.clips)


def verdict(found: Comparison) -> str:
    """The conclusion in one sentence. Interval and test must agree; for dependent clips only the interval counts."""
    first, second = found.names
    if not found.better and not found.worse:
        return f"{first} and {second} make the same number of errors in every clip."
    if found.interval is None:
        return "No conclusion is possible: all clips belong to one cluster, so there is nothing to resample."
    if not found.difference:
        return f"No difference is shown: {first} and {second} make the same number of errors."
    by_interval = not found.interval.low <= 0 <= found.interval.high
    by_test = found.test.p is not None and found.test.p < 1 - found.interval.level / 100
    better, worse = (second, first) if found.difference < 0 else (first, second)
    points = f"{abs(found.difference):.2f} points"
    if by_interval and found.interval.is_rough:
        kind = found.interval.cluster
        few = f"{counted(found.interval.units, f'{kind} is', f'{kind}s are')} too few to rule out chance"
        return f"Undecided: {better} has {points} less, but {few}."
    if by_interval and (by_test or found.is_clustered or found.test.p is None):
        return f"{better} is better than {worse} by {points}, more than chance explains."
    if by_interval or (by_test and not found.is_clustered):
        sign = "excludes" if by_interval else "includes"
        return f"Undecided: the interval {sign} 0, but the matched-pairs test gives {p_value(found.test)}."
    return f"No difference is shown: {better} has {points} less, which may well be chance."


def p_value(test: MatchedPairs) -> str:
    """`p = 0.012`"""
    if test.p is None:
        return "none (no spread)"
    return "p < 0.001" if test.p < 0.001 else f"p = {test.p:.3f}"


def segments(clips: Iterable[Both]) -> list[tuple[int, int]]:
    """Errors of both systems in each segment in which either makes one.

    A segment ends where both get BUFFER words in a row right, nothing inserted between them, or with the clip: errors
    on its two sides are nearly independent. Gillick & Cox 1989, with the buffer that NIST's `sc_stats` uses.
    """
    return [segment for first, second in clips for segment in _segments_of(_errors(first), _errors(second))]


def changes(clips: Iterable[Both]) -> list[Change]:
    """Glosses that one system gets right where the other does not, those that changed most first."""
    spelling: dict[str, str] = {}
    seen: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for first, second in clips:
        for gloss, before, after in zip(first.reference, _correct(first), _correct(second), strict=True):
            tally = seen[spelling.setdefault(gloss.lower(), gloss)]
            tally[0] += 1
            tally[1] += after and not before
            tally[2] += before and not after
    found = [Change(gloss, *tally) for gloss, tally in seen.items() if tally[1] or tally[2]]
    return sorted(found, key=lambda one: (-abs(one.gained - one.lost), -one.gained - one.lost, one.gloss))


def _correct(clip: ClipScore) -> list[bool]:
    """Whether each reference word is recognised."""
    return [pair.op == "C" for pair in clip.pairs if pair.reference is not None]


def _errors(clip: ClipScore) -> list[int]:
    """Errors at and between the reference words: insertions at even indices, the words at odd ones."""
    errors = [0]
    for pair in clip.pairs:
        if pair.op == "I":
            errors[-1] += 1
        else:
            errors += [int(pair.op != "C"), 0]
    return errors


def _segments_of(first: list[int], second: list[int]) -> list[tuple[int, int]]:
    found = []
    a = b = right = 0
    for place, (in_first, in_second) in enumerate(zip(first, second, strict=True)):
        if in_first or in_second:
            a, b, right = a + in_first, b + in_second, 0
        elif place % 2:
            right += 1
        if right == BUFFER and (a or b):
            found.append((a, b))
            a = b = 0
    return [*found, (a, b)] if a or b else found
