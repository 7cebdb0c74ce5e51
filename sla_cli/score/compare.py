"""Compares two systems on the same references: how much better one is, and whether chance explains it.

Paired bootstrap: Bisani & Ney, ICASSP 2004. Matched pairs (MAPSSWE): Gillick & Cox, "Some statistical issues in the
comparison of speech recognition algorithms", ICASSP 1989, as NIST's `sc_stats` applies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from sla_cli.core.bootstrap import Resampling, difference_interval, wer_interval
from sla_cli.core.comparison import Both, Comparison, MatchedPairs, changes, segments
from sla_cli.core.counted import counted
from sla_cli.core.result import Score
from sla_cli.core.seed_groups import GroupComparison, compare_groups, seed_group
from sla_cli.errors import SlaError, some
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import AUTO, score_in_memory
from sla_cli.work.group import Member
from sla_cli.work.scores import read_scores


def compare_files(first: Member, second: Member, *, ref: Path | None, options: ScoreOptions) -> Comparison:
    """Compare two hypotheses files or score folders. Equal names are replaced by the paths.

    Args:
        ref: references of the hypotheses files, as `score_file` takes them.
        options: profile `auto` is the profile of a score folder, if one is given.

    Raises:
        SlaError: the two were not scored against the same references under the same profile; also all that scoring
            raises.
    """
    scores = _scores((first.path, second.path), ref, options)
    names = (first.name, second.name) if first.name != second.name else (str(first.path), str(second.path))
    return compare(scores[0], scores[1], names, options.resampling)


def compare_members(
    first: Sequence[Member],
    second: Sequence[Member],
    names: tuple[str, str],
    *,
    ref: Path | None,
    options: ScoreOptions,
) -> GroupComparison:
    """Compare two groups of hypotheses or score folders; `check_group` has checked each group.

    Runs are paired in order if the groups have the same size and no pair has seeds that are known to differ.

    Raises:
        SlaError: as `compare_files`.
    """
    sides = [*first, *second]
    scores = _scores([member.path for member in sides], ref, options)
    aligned = [paired(scores[0], score, (sides[0].name, one.name))[1] for score, one in zip(scores, sides, strict=True)]
    seeds = list(zip((one.seed for one in first), (one.seed for one in second), strict=False))
    by_seed = len(first) == len(second) and all(a == b or None in (a, b) for a, b in seeds)
    how, size = options.resampling, len(first)
    groups = [
        seed_group(name, [one.name for one in group], found, how)
        for name, group, found in zip(names, (first, second), (aligned[:size], aligned[size:]), strict=True)
    ]
    return compare_groups(*groups, paired=by_seed, how=how)


def _scores(paths: Sequence[Path], ref: Path | None, options: ScoreOptions) -> list[Score]:
    """Scores of hypotheses files and score folders, under one profile. Raises SlaError as `compare_files` does."""
    folders = {path: read_scores(path) for path in paths if path.is_dir()}
    given = [name for name, is_given in (("--ref", ref is not None), ("--nfc", options.nfc)) if is_given]
    if given and len(folders) == len(set(paths)):
        raise SlaError(
            f"{' and '.join(given)}: no effect on score folders, which were scored before",
            "Leave it out, or name the hypotheses.",
        )
    if options.profile == AUTO and folders:
        options = replace(options, profile=next(iter(folders.values())).profile)
    for path, scored in folders.items():
        if scored.profile != options.profile:
            raise SlaError(
                f"{path} is scored under profile {scored.profile}, not {options.profile}",
                f"Score its hypotheses again with --normalize {options.profile}.",
            )
    return [folders[path] if path in folders else score_in_memory(path, ref, options)[0] for path in paths]


def compare(first: Score, second: Score, names: tuple[str, str], how: Resampling) -> Comparison:
    """Compare two scores. Raises SlaError if profile, clips or references differ."""
    first, second = (replace(score, interval=wer_interval(score.clips, how)) for score in paired(first, second, names))
    pairs = list(zip(first.clips, second.clips, strict=True))
    found = difference_interval(first.clips, second.clips, how)
    interval, improvement = found or (None, None)
    less = [b.counts.errors - a.counts.errors for a, b in pairs]
    better, worse = sum(d < 0 for d in less), sum(d > 0 for d in less)
    equal, test = len(less) - better - worse, matched_pairs(pairs)
    return Comparison(
        names, first, second, interval, how.cluster, improvement, test, better, worse, equal, changes(pairs)
    )


def against_first(scores: Sequence[Score], names: Sequence[str]) -> list[Comparison | None]:
    """Each later score compared with the first, under short names; None if their references or profiles differ.

    Resampled as the first score was.
    """
    first, interval = scores[0], scores[0].interval
    how = Resampling(interval.level, interval.samples, interval.seed, interval.cluster) if interval else Resampling()
    shared = [(one.profile, one.profile_version, {clip.id: clip.reference for clip in one.clips}) for one in scores]
    return [
        compare(first, score, (names[0], name), how) if own == shared[0] else None
        for score, name, own in zip(scores[1:], names[1:], shared[1:], strict=True)
    ]


def matched_pairs(clips: Sequence[Both]) -> MatchedPairs:
    """The MAPSSWE test on clips of two systems."""
    differences = np.array([b - a for a, b in segments(clips)], np.float64)
    if not differences.any():
        return MatchedPairs(len(differences), 0.0, 1.0)
    if np.ptp(differences) == 0:
        return MatchedPairs(len(differences), None, None)
    z = float(differences.mean() / stats.sem(differences))
    return MatchedPairs(len(differences), z, float(2 * stats.norm.sf(abs(z))))


def paired(first: Score, second: Score, names: tuple[str, str]) -> tuple[Score, Score]:
    """Both scores with their clips in the order of the first."""
    profiles = [f"{score.profile}.v{score.profile_version}" for score in (first, second)]
    if profiles[0] != profiles[1]:
        raise SlaError(
            f"not comparable: {names[0]} is scored under profile {profiles[0]}, {names[1]} under {profiles[1]}",
            "Score both again with the same --normalize.",
        )
    clips = {clip.id: clip for clip in second.clips}
    _same_ids([clip.id for clip in first.clips], list(clips), names)
    for clip in first.clips:
        if clip.reference != clips[clip.id].reference:
            raise SlaError(
                f"not comparable: the references of clip {clip.id} differ: {' '.join(clip.reference)!r} in {names[0]}, "
                f"{' '.join(clips[clip.id].reference)!r} in {names[1]}",
                "Score both against the same references.",
            )
    return first, replace(second, clips=tuple(clips[clip.id] for clip in first.clips))


def _same_ids(first: list[str], second: list[str], names: tuple[str, str]) -> None:
    ids = (dict.fromkeys(first), dict.fromkeys(second))
    only = [[clip for clip in mine if clip not in theirs] for mine, theirs in (ids, ids[::-1])]
    sides = zip(names, only, strict=True)
    if faults := [
        f"{counted(len(clips), 'clip is', 'clips are')} in {name} only ({some(clips)})"
        for name, clips in sides
        if clips
    ]:
        raise SlaError(f"not comparable: {' and '.join(faults)}", "Score both on the same clips.")
