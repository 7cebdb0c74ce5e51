"""Detects missing frames in a folder of pictures from the numbers in the names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from posixpath import splitext

DIGITS = re.compile(r"([0-9]+)")
LONGEST = 18  # most digits of a number
MOST = 0.8  # share of the steps from number to number that must be the usual one; otherwise nothing is reported
LISTED = 5  # most ranges of numbers in a sentence


def missing_frames(names: Sequence[str], first: int | None = None) -> str:
    """A part of a sentence that names missing and repeated frames; "" if there are none.

    The result is "" for names that are not alike, for several numbers of which none orders the others, and for numbers
    without a usual step, such as times. A few pictures with other names, such as a thumbnail, do not count.

    Args:
        names: names of pictures; numbers are compared as numbers, so frame9 and frame010 are neighbours.
        first: number of the first frame, if it is known.
    """
    for counts in map(Counter, _numbers(names)):
        steps = Counter(after - before for before, after in pairwise(sorted(counts)))
        step, often = (steps.most_common(1) or [(1, 0)])[0]  # without steps, there is one number in several spellings
        if often >= MOST * steps.total():
            return _missing(counts, step, first)
    return ""


def _missing(counts: Mapping[int, int], step: int, first: int | None) -> str:
    """As `missing_frames`, of numbers with how often each is there, at least two."""
    there = sorted(counts)
    begin = [] if first is None or first >= there[0] else [first - step]
    gaps = [
        range(before + step, after, step)
        for before, after in pairwise([*begin, *there])
        if after - before > step and (after - before) % step == 0
    ]
    twice = list(_runs([number for number in there if counts[number] > 1], step))
    return "; ".join(_phrase(ranges, what) for ranges, what in ((gaps, "missing"), (twice, "repeated")) if ranges)


def _numbers(names: Sequence[str]) -> Iterator[Sequence[int]]:
    """The numbers that vary in names that are alike and that may count them: the others only grow with them, as times
    do."""
    split = [DIGITS.split(splitext(name)[0]) for name in names]
    texts = Counter(tuple(parts[::2]) for parts in split)
    for text, often in texts.most_common(1):
        alike = [parts[1::2] for parts in split if tuple(parts[::2]) == text]
        varying = [column for column in zip(*alike, strict=True) if len(set(column)) > 1]
        if often < MOST * len(names) or any(len(part) > LONGEST for column in varying for part in column):
            return
        rows = list(zip(*(tuple(map(int, column)) for column in varying), strict=True))
        for place in range(len(varying)):
            ordered = sorted(rows, key=itemgetter(place))
            others = [row[:place] + row[place + 1 :] for row in ordered]
            if others == sorted(others):
                yield [row[place] for row in ordered]


def _runs(numbers: Sequence[int], step: int) -> Iterator[range]:
    """Sorted numbers as ranges of neighbours."""
    for _, run in groupby(enumerate(numbers), lambda item: item[1] - item[0] * step):
        first, *others = (number for _, number in run)
        yield range(first, (others or [first])[-1] + step, step)


def _phrase(ranges: Sequence[range], what: str) -> str:
    words = [str(each[0]) if len(each) == 1 else f"{each[0]} to {each[-1]}" for each in ranges[:LISTED]]
    if rest := sum(len(each) for each in ranges[LISTED:]):
        words.append(f"{rest} more")
    one = sum(map(len, ranges)) == 1
    listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    steps = f" in steps of {ranges[0].step}" if ranges[0].step > 1 and any(len(each) > 1 for each in ranges) else ""
    return f"frame{'' if one else 's'} {listed}{steps} {'is' if one else 'are'} {what}"
