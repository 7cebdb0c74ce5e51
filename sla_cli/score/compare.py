"""Two systems on the same references: how much better one is, and whether chance explains it.

Paired bootstrap: Bisani & Ney, ICASSP 2004. Matched pairs (MAPSSWE): Gillick & Cox, "Some statistical issues in the
comparison of speech recognition algorithms", ICASSP 1989, as NIST's `sc_stats` applies it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from sla_cli.core.comparison import Both, Change, changes, segments
from sla_cli.core.result import Interval, Score
from sla_cli.errors import SlaError, some
from sla_cli.formats.scores import read_scores
from sla_cli.score.bootstrap import Resampling, difference_interval, wer_interval
from sla_cli.score.run import AUTO, score_in_memory
from sla_cli.score.score import ScoreOptions

DISTINCT = 0.9  # share of distinct references from which clips are as good as independent


@dataclass(frozen=True)
class MatchedPairs:
    """The MAPSSWE test.

    Attributes:
        segments: how many segments hold an error of either system.
        z: mean difference of errors a segment over its standard error, second less first; None where all differences
            are the same, or there are fewer than two.
        p: two-sided, from the normal distribution (Gillick & Cox want about 50 segments for it).
    """

    segments: int
    z: float | None
    p: float | None

    def __str__(self) -> str:
        if self.p is None:
            return "none (no spread)"
        return "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"


@dataclass(frozen=True)
class Comparison:
    """What two systems do differently; differences are second less first, so below 0 the second is better.

    Attributes:
        names: what the systems are called.
        first, second: their scores, clips in the same order, intervals from the same resampling.
        interval: of the difference in WER, in points; None where all clips have one and the same reference.
        improvement: share of resampled sets in which the second makes fewer errors; a tie counts half.
        test: on the errors themselves.
        better, worse, equal: clips in which the second makes fewer, more, as many errors.
        changes: glosses that one recognises where the other does not, those that changed most first.
    """

    names: tuple[str, str]
    first: Score
    second: Score
    interval: Interval | None
    improvement: float | None
    test: MatchedPairs
    better: int
    worse: int
    equal: int
    changes: list[Change]

    @property
    def difference(self) -> float:
        """WER of the second less that of the first, in points."""
        return self.second.total.wer - self.first.total.wer

    @property
    def prompts_repeat(self) -> bool:
        """Whether clips share references to an extent that makes segments dependent and the test too sure."""
        return self.interval is not None and self.interval.units < DISTINCT * len(self.first.clips)

    @property
    def verdict(self) -> str:
        """One sentence. Interval and test must agree; where prompts repeat, the interval alone decides."""
        if not self.better and not self.worse:
            return f"{self.names[0]} and {self.names[1]} make the same number of errors in every clip."
        if self.interval is None:
            return "Nothing can be said: all clips have the same reference."
        if not self.difference:
            return f"No difference is shown: {self.names[0]} and {self.names[1]} make as many errors."
        by_interval = not self.interval.low <= 0 <= self.interval.high
        by_test = self.test.p is not None and self.test.p < 1 - self.interval.level / 100
        ordered = self.names[::-1] if self.difference < 0 else self.names
        points = f"{abs(self.difference):.2f} points"
        if by_interval and self.interval.is_rough:
            few = f"{self.interval.units} sentences are too few to rule out chance"
            return f"Undecided: {points} in favour of {ordered[0]}, but {few}."
        if by_interval and (by_test or self.prompts_repeat or self.test.p is None):
            return f"{ordered[0]} is better than {ordered[1]} by {points}, more than chance explains."
        if by_interval or (by_test and not self.prompts_repeat):
            sign = "excludes" if by_interval else "includes"
            return f"Undecided: the interval {sign} 0, but the matched-pairs test gives {self.test}."
        return f"No difference is shown: {points} in favour of {ordered[0]} may well be chance."

    def facts(self) -> dict[str, Any]:
        """JSON values. Rates and differences are in percent and points."""
        interval = self.interval
        return {
            "a": _facts(self.names[0], self.first),
            "b": _facts(self.names[1], self.second),
            "difference": self.difference,
            "interval": [interval.low, interval.high] if interval else None,
            "level": interval.level if interval else None,
            "sentences": interval.units if interval else 1,
            "probability_of_improvement": self.improvement,
            "matched_pairs": {"segments": self.test.segments, "z": self.test.z, "p": self.test.p},
            "clips": {"better": self.better, "worse": self.worse, "equal": self.equal},
            "glosses": [
                {"gloss": one.gloss, "ref_words": one.ref_words, "gained": one.gained, "lost": one.lost}
                for one in self.changes
            ],
            "verdict": self.verdict,
        }


def compare_files(first: Path, second: Path, *, ref: Path | None, options: ScoreOptions) -> Comparison:
    """Compare two hypotheses files or score folders.

    Args:
        ref: references of the hypotheses files, as `score_file` takes them.
        options: profile `auto` is that of a score folder where one is given.

    Raises:
        SlaError: the two were not scored against the same references under the same profile; whatever scoring raises.
    """
    folders = {path: read_scores(path) for path in (first, second) if path.is_dir()}
    if options.profile == AUTO and folders:
        options = replace(options, profile=next(iter(folders.values())).profile)
    for path, scored in folders.items():
        if scored.profile != options.profile:
            raise SlaError(
                f"{path} is scored under profile {scored.profile}, not {options.profile}",
                f"Score its hypotheses again with --normalize {options.profile}.",
            )
    scores = [folders[path] if path in folders else score_in_memory(path, ref, options)[0] for path in (first, second)]
    return compare(scores[0], scores[1], _names(first, second), options.resampling)


def compare(first: Score, second: Score, names: tuple[str, str], how: Resampling) -> Comparison:
    """Compare two scores. Raises SlaError where profile, clips or references differ."""
    first, second = (replace(score, interval=wer_interval(score.clips, how)) for score in _paired(first, second, names))
    pairs = list(zip(first.clips, second.clips, strict=True))
    found = difference_interval(first.clips, second.clips, how)
    interval, improvement = found or (None, None)
    less = [b.counts.errors - a.counts.errors for a, b in pairs]
    return Comparison(
        names,
        first,
        second,
        interval,
        improvement,
        matched_pairs(pairs),
        better=sum(d < 0 for d in less),
        worse=sum(d > 0 for d in less),
        equal=sum(d == 0 for d in less),
        changes=changes(pairs),
    )


def matched_pairs(clips: Sequence[Both]) -> MatchedPairs:
    """The MAPSSWE test on clips of two systems."""
    differences = np.array([b - a for a, b in segments(clips)], np.float64)
    if not differences.any():
        return MatchedPairs(len(differences), 0.0, 1.0)
    if np.ptp(differences) == 0:
        return MatchedPairs(len(differences), None, None)
    z = float(differences.mean() / stats.sem(differences))
    return MatchedPairs(len(differences), z, float(2 * stats.norm.sf(abs(z))))


def _paired(first: Score, second: Score, names: tuple[str, str]) -> tuple[Score, Score]:
    """Both with their clips in the order of the first."""
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
    in_second, in_first = set(second), set(first)
    faults = [
        f"{len(only)} clips are in {name} only ({some(only)})"
        for name, only in (
            (names[0], [clip for clip in first if clip not in in_second]),
            (names[1], [clip for clip in second if clip not in in_first]),
        )
        if only
    ]
    if faults:
        raise SlaError(f"not comparable: {' and '.join(faults)}", "Score both on the same clips.")


def _names(first: Path, second: Path) -> tuple[str, str]:
    """Short names, or the paths where those are the same."""
    short = [path.name if path.is_dir() else path.stem for path in (first, second)]
    return (short[0], short[1]) if short[0] != short[1] else (str(first), str(second))


def _facts(name: str, score: Score) -> dict[str, Any]:
    interval = score.interval
    return {
        "name": name,
        "wer": score.total.wer,
        "interval": [interval.low, interval.high] if interval else None,
        "errors": score.total.errors,
        "ref_words": score.total.ref_words,
        "signature": score.signature,
    }
