"""How well recognised signs lie where they were signed, against true times.

F1 at an intersection over union is that of action segmentation (Lea et al., CVPR 2017; MS-TCN, Farha & Gall, CVPR
2019), also used for the segmentation of signs (Renz et al., ICASSP 2021). Times of a wrong gloss mean nothing, so the
other figures are of the glosses that the alignment of the word error rate finds correct.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

from sla_cli.core.annotation import Sign
from sla_cli.core.edit_alignment import align
from sla_cli.errors import SlaError

OVERLAPS = (0.1, 0.25, 0.5)  # intersections over union
# Pairs of signs that are compared in a recording: some seconds. Two hands of several people need a few for each sign.
MOST_PAIRS = 10_000_000


@dataclass(frozen=True)
class TimeScore:
    """Counts of one recording, or of several.

    Attributes:
        references: number of true signs.
        hypotheses: number of recognised signs.
        inside: of the correct signs, those whose middle lies in the true one.
        outside: recognised signs that no true sign overlaps: they lie in rests and movements between signs.
        matched: for each of OVERLAPS, the recognised signs that overlap a true one of the same gloss so far, each true
            sign counted once.
        starts, ends: absolute errors of the correct signs, in seconds.
    """

    references: int
    hypotheses: int
    inside: int
    outside: int
    matched: tuple[int, ...]
    starts: tuple[float, ...]
    ends: tuple[float, ...]

    @property
    def correct(self) -> int:
        """Pairs of equal glosses in the alignment."""
        return len(self.starts)

    @property
    def f1(self) -> tuple[float, ...]:
        """For each of OVERLAPS, F1 in percent; 0 without any sign."""
        return tuple(200 * one / max(1, self.references + self.hypotheses) for one in self.matched)

    @property
    def share_inside(self) -> float | None:
        """Of the correct signs, in percent; None without any."""
        return 100 * self.inside / self.correct if self.correct else None

    @property
    def share_outside(self) -> float | None:
        """Of the recognised signs, in percent; None without any."""
        return 100 * self.outside / self.hypotheses if self.hypotheses else None

    @property
    def start_error(self) -> float | None:
        """Median in seconds; None if no sign is correct."""
        return median(self.starts) if self.starts else None

    @property
    def end_error(self) -> float | None:
        """Median in seconds; None if no sign is correct."""
        return median(self.ends) if self.ends else None


def correct_pairs(reference: Sequence[Sign], hypothesis: Sequence[Sign]) -> list[tuple[Sign, Sign]]:
    """Pairs of a true sign and the recognised one that the alignment finds equal."""
    true, found, pairs = iter(reference), iter(hypothesis), []
    for pair in align([sign.gloss for sign in reference], [sign.gloss for sign in hypothesis]):
        one = next(true) if pair.reference is not None else None
        other = next(found) if pair.hypothesis is not None else None
        if pair.op == "C" and one is not None and other is not None:
            pairs.append((one, other))
    return pairs


def score_times(reference: Sequence[Sign], hypothesis: Sequence[Sign]) -> TimeScore:
    """Compare the signs of one recording, both in order of time.

    Raises:
        SlaError: so many signs are at the same time that comparing them would take too long.
    """
    pairs, around = correct_pairs(reference, hypothesis), _Overlapping(reference)
    return TimeScore(
        references=len(reference),
        hypotheses=len(hypothesis),
        inside=sum(true.start <= (found.start + found.end) / 2 < true.end for true, found in pairs),
        outside=sum(not around(found) for found in hypothesis),
        matched=_matched(reference, hypothesis),
        starts=tuple(abs(found.start - true.start) for true, found in pairs),
        ends=tuple(abs(found.end - true.end) for true, found in pairs),
    )


def pooled_times(scores: Iterable[TimeScore]) -> TimeScore:
    """Several recordings as one."""
    all_of = list(scores)
    return TimeScore(
        references=sum(one.references for one in all_of),
        hypotheses=sum(one.hypotheses for one in all_of),
        inside=sum(one.inside for one in all_of),
        outside=sum(one.outside for one in all_of),
        matched=tuple(sum(one.matched[at] for one in all_of) for at in range(len(OVERLAPS))),
        starts=tuple(error for one in all_of for error in one.starts),
        ends=tuple(error for one in all_of for error in one.ends),
    )


class _Overlapping:
    """Finds the signs that overlap another one. Not each is looked at: an hour has thousands."""

    def __init__(self, signs: Iterable[Sign]) -> None:
        self._signs = sorted(signs, key=lambda sign: sign.start)
        self._starts = [sign.start for sign in self._signs]
        self._latest_ends = list(accumulate((sign.end for sign in self._signs), max))
        self._pairs = 0

    def __call__(self, sign: Sign) -> list[Sign]:
        """In order of their starts."""
        moment = sign.start == sign.end
        last = (bisect_right if moment else bisect_left)(self._starts, sign.end)
        first = bisect_right(self._latest_ends, sign.start, 0, last)
        self._pairs += last - first
        if self._pairs > MOST_PAIRS:
            hint = "Is something written repeatedly, or one annotation as long as the recording?"
            raise SlaError(f"too many true signs overlap, at {sign.start:.2f} s and before", hint)
        return [one for one in self._signs[first:last] if _overlap(sign, one) > 0 or (moment and sign.end < one.end)]


def _matched(reference: Sequence[Sign], hypothesis: Sequence[Sign]) -> tuple[int, ...]:
    """For each of OVERLAPS, recognised signs, in order of time, that overlap their nearest true sign of the same gloss
    so far; a true sign that is taken counts no other.
    """
    of_gloss = defaultdict(list)
    for sign in reference:
        of_gloss[sign.gloss.lower()].append(sign)
    near = {gloss: _Overlapping(signs) for gloss, signs in of_gloss.items()}
    taken: list[set[int]] = [set() for _ in OVERLAPS]
    for found in hypothesis:
        gloss = found.gloss.lower()  # as `align` compares
        if gloss not in near or not (there := near[gloss](found)):
            continue
        best = max(there, key=lambda sign: _over_union(found, sign))
        for overlap, those in zip(OVERLAPS, taken, strict=True):
            if _over_union(found, best) >= overlap:
                those.add(id(best))
    return tuple(map(len, taken))


def _over_union(one: Sign, other: Sign) -> float:
    """Intersection over union of their times, without the rounding of binary fractions: a half is one half."""
    common = max(0.0, _overlap(one, other))
    union = (one.end - one.start) + (other.end - other.start) - common
    return round(common / union, 9) if union > 0 else 0.0


def _overlap(one: Sign, other: Sign) -> float:
    """Seconds that both cover, negative if there is time between them."""
    return min(one.end, other.end) - max(one.start, other.start)
