"""Chooses the clips that the page shows with a picture, and those that it lists if there are too many for one page."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate, chain, zip_longest

from sla_cli.core.clip_score import ClipScore, pooled
from sla_cli.core.edit_alignment import Counts

ROWS, STEPS = 10_000, 250_000  # most clips and alignment steps in the list: about 20 MB, which a browser can still open
DIFFER, WORST, MIDDLE, RIGHT = "systems differ", "among the worst", "in the middle", "all correct"


def choose_clips(scores: Mapping[str, Sequence[ClipScore]], number: int) -> dict[str, str]:
    """Up to `number` interesting clips, always the same ones.

    Chosen alternately: where systems differ most, the worst, the longest that all recognised correctly, those in the
    middle.

    Args:
        scores: each system's score of a clip, by clip id.

    Returns:
        Clip id to why it was chosen, in the order of `scores`.
    """
    total = {name: pooled(of_clip) for name, of_clip in scores.items()}
    wrong = sorted((name for name in scores if total[name].errors), key=lambda name: _rate(total[name]))[::-1]
    right = sorted((name for name in scores if not total[name].errors), key=lambda name: -total[name].ref_words)
    differing = [name for name in scores if len({score.hypothesis for score in scores[name]}) > 1]
    errors = {name: [score.counts.errors for score in scores[name]] for name in differing}
    differing.sort(key=lambda name: min(errors[name]) - max(errors[name]))
    kinds = {DIFFER: differing, WORST: wrong, RIGHT: right, MIDDLE: wrong[len(wrong) // 2 :]}
    in_turn = chain.from_iterable(zip_longest(*([(name, why) for name in names] for why, names in kinds.items())))
    chosen: dict[str, str] = {}
    for name, why in filter(None, in_turn):
        if len(chosen) < number:
            chosen.setdefault(name, why)
    return {name: chosen[name] for name in scores if name in chosen}


def listed_clips(scores: Mapping[str, Sequence[ClipScore]], pictured: Collection[str]) -> Collection[str]:
    """Ids of the clips in the page's list: all, or, if the page would be too large, those with most errors.

    Args:
        scores: each system's score of a clip, by clip id.
        pictured: clips that are listed in any case.
    """
    steps = {name: sum(len(score.pairs) for score in of_clip) for name, of_clip in scores.items()}
    if len(scores) <= ROWS and sum(steps.values()) <= STEPS:
        return scores.keys()
    total = {name: pooled(of_clip) for name, of_clip in scores.items()}
    in_turn = sorted(scores, key=lambda name: (name in pictured, *_rate(total[name])), reverse=True)
    room = accumulate(steps[name] for name in in_turn)
    return {
        name for place, (name, used) in enumerate(zip(in_turn, room, strict=True)) if place < ROWS and used <= STEPS
    } | set(pictured)


def _rate(counts: Counts) -> tuple[float, int]:
    """Sort key: the error rate, then the number of errors; without reference words, only the errors."""
    return counts.errors / max(1, counts.ref_words), counts.errors
