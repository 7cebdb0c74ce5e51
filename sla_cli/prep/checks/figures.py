"""Figures of each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from sla_cli.core.clip import unknown_glosses
from sla_cli.core.quantities import Amount, Count
from sla_cli.store.clips import Split

BINS = 12  # most bins of a histogram


@dataclass(frozen=True)
class Figures:
    """A split in numbers.

    Attributes:
        clips: number of clips
        published: published number of clips; null if unknown
        signers: number of signers
        frames: number of frames
        hours: hours of signing; 0 if no frame rate is known
        frame_range: frames per clip: minimum, median, maximum
        glosses: number of training glosses
        distinct: number of different training glosses
        unknown: number of training glosses that are not in the vocabulary; null without a vocabulary
        distinct_unknown: number of different glosses among these; null without a vocabulary
        sentences: number of different gloss sequences
        gloss_range: glosses per clip: minimum, median, maximum
    """

    clips: Count
    published: Count | None
    signers: Count
    frames: Count
    hours: Amount
    frame_range: tuple[int, float, int]
    glosses: Count
    distinct: Count
    unknown: Count | None
    distinct_unknown: Count | None
    sentences: Count
    gloss_range: tuple[int, float, int]


@dataclass(frozen=True)
class Histogram:
    """A histogram of lengths of clips.

    Attributes:
        bins: smallest and largest value of each bin
        counts: by split, the number of clips in each bin
    """

    bins: tuple[tuple[int, int], ...]
    counts: dict[str, tuple[int, ...]]


def figures(clips: Split, published: int | None) -> Figures:
    """Figures of a split; 0 for a split without clips."""
    unknown = unknown_glosses(clips.glosses, clips.vocabulary) if clips.vocabulary else None
    rates = np.where(clips.clip_fps > 0, clips.clip_fps, clips.fps)
    timed = rates > 0
    return Figures(
        clips=len(clips),
        published=published,
        signers=len(set(clips.signers) - {""}),
        frames=sum(clips.lengths),
        hours=float((np.array(clips.lengths)[timed] / rates[timed]).sum() / 3600),
        frame_range=_range(clips.lengths),
        glosses=sum(map(len, clips.glosses)),
        distinct=len({gloss for glosses in clips.glosses for gloss in glosses}),
        unknown=unknown.total() if unknown is not None else None,
        distinct_unknown=len(unknown) if unknown is not None else None,
        sentences=len(set(clips.glosses) - {()}),
        gloss_range=_range([len(glosses) for glosses in clips.glosses]),
    )


def histogram(lengths: Mapping[str, Sequence[int]]) -> Histogram:
    """Lengths of each split in bins of one round width, from the first to the last bin that has any."""
    everything = [length for part in lengths.values() for length in part] or [0]
    low, high = min(everything), max(everything)
    widths = (digit * 10**zeros for zeros in count() for digit in (1, 2, 5))
    width = next(width for width in widths if high // width - low // width < BINS)
    first, last = low // width, high // width
    counts = {
        split: tuple(np.bincount(np.array(part, int) // width - first, minlength=last - first + 1).tolist())
        for split, part in lengths.items()
    }
    return Histogram(tuple((width * at, width * at + width - 1) for at in range(first, last + 1)), counts)


def _range(lengths: Sequence[int]) -> tuple[int, float, int]:
    return (min(lengths), float(np.median(lengths)), max(lengths)) if lengths else (0, 0.0, 0)
