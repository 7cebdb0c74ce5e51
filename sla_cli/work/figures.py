"""The figures of a score, as in score.json and in what `sla score` prints with --json."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, field

from sla_cli.core.edit_alignment import Counts
from sla_cli.core.quantities import Amount, Count, Positive
from sla_cli.core.result import Interval, Score

VERSION = 1


class WordCounts(Struct, kw_only=True, frozen=True):
    """Glosses by how they were recognised.

    Attributes:
        ref_words: number of reference glosses
        correct: number of correct glosses
        sub: number of substitutions
        del: number of deletions
        ins: number of insertions
    """

    ref_words: Count
    correct: Count
    sub: Count
    deletions: Count = field(name="del")
    ins: Count


class Figures(WordCounts, kw_only=True, frozen=True):
    """The figures of a score.

    Attributes:
        format: of score.json, by name
        version: version of the format of score.json
        wer: word error rate in percent
        interval: interval of the rate; null if all clips are in one cluster
        errors: number of errors
        utterances: number of clips
        profile: profile by which the glosses were cleaned
        profile_version: version of the profile
        signature: one line with everything that the rate depends on
        absent: ids of clips without a hypothesis; they are scored as empty
        left_out: with `--partial`, ids of clips that are only in the hypotheses or only in the references
        nbest: Only with n-best lists: largest number of hypotheses of a clip
        oracle_wer: Only with n-best lists: word error rate of the best hypothesis of each clip, in percent
        oracle: Only with n-best lists: counts of the best hypothesis of each clip
        tuned_on: Only if the weights were tuned on the same clips: the split
        no_gain_on: Only if the language model was left out because tuning found no gain: the split of the tuning
    """

    format: Literal["sla-score"] = "sla-score"
    version: Count = VERSION
    wer: Amount
    interval: Interval | None
    errors: Count
    utterances: Count
    profile: str
    profile_version: Count
    signature: str
    absent: tuple[str, ...]
    left_out: tuple[str, ...]
    nbest: Positive | UnsetType = UNSET
    oracle_wer: Amount | UnsetType = UNSET
    oracle: WordCounts | UnsetType = UNSET
    tuned_on: str | UnsetType = UNSET
    no_gain_on: str | UnsetType = UNSET


def figures_of(score: Score) -> Figures:
    """The figures of a score."""
    oracle = score.oracle
    return Figures(
        **_by_name(score.total),
        wer=score.total.wer,
        interval=score.interval,
        errors=score.total.errors,
        utterances=len(score.clips),
        profile=score.profile,
        profile_version=score.profile_version,
        signature=score.signature,
        absent=score.absent,
        left_out=score.left_out,
        nbest=score.alternatives if oracle else UNSET,
        oracle_wer=oracle.wer if oracle else UNSET,
        oracle=WordCounts(**_by_name(oracle)) if oracle else UNSET,
        tuned_on=score.tuned_on or UNSET,
        no_gain_on=score.no_gain_on or UNSET,
    )


def _by_name(counts: Counts) -> dict[str, Any]:
    """Counts by the names of `WordCounts`."""
    return {
        "ref_words": counts.ref_words,
        "correct": counts.correct,
        "sub": counts.substitutions,
        "deletions": counts.deletions,
        "ins": counts.insertions,
    }
