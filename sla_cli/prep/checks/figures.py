"""Figures of each split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from sla_cli.core.clip import unknown_glosses
from sla_cli.store.split import Split

BINS = 12  # most bins of a histogram


@dataclass(frozen=True)
class Figures:
    """A split in numbers.

    Attributes:
        published: number of clips as published, None if unknown.
        hours: of signing; 0 if no frame rate is known.
        glosses, distinct: glosses after the clean-up, and different ones.
        unknown, distinct_unknown: those of them that are not in the vocabulary of train; None without a vocabulary.
        sentences: different sequences of glosses.
        frame_range, gloss_range: minimum, median and maximum per clip.
    """

    clips: int
    published: int | None
    signers: int
    frames: int
    hours: float
    frame_range: tuple[int, float, int]
    glosses: int
    distinct: int
    unknown: int | None
    distinct_unknown: int | None
    sentences: int
    gloss_range: tuple[int, float, int]


@dataclass(frozen=True)
class Histogram:
    """A histogram of lengths of clips.

    Attributes:
        bins: minimum and maximum length of each bin.
        counts: split to the number of its clips in each bin.
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
