"""Word error rate of hypotheses against references, joined by clip id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sla_cli import __version__
from sla_cli.core.bootstrap import Resampling, wer_interval
from sla_cli.core.clip_score import ClipScore, score_clips
from sla_cli.core.counted import counted
from sla_cli.core.edit_alignment import ALIGNMENT, Counts, total
from sla_cli.core.hypothesis import CONTROL, Glosses, Hypothesis
from sla_cli.core.normalize import Profile, profile
from sla_cli.core.result import Score
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.score.unicode import nfc, refuse_mixed_forms, same_but_for_form


@dataclass(frozen=True)
class ScoreOptions:
    """How to score.

    Attributes:
        profile: a normalisation of `core.normalize`.
        partial: score only the clips that both sides name.
        nfc: compare in Unicode normal form C; otherwise glosses that differ only in their form are refused.
        resampling: how the confidence interval is made.
    """

    profile: str = "none"
    partial: bool = False
    nfc: bool = False
    resampling: Resampling = field(default_factory=Resampling)


def score(
    hypotheses: Iterable[Hypothesis],
    references: Mapping[str, Glosses],
    options: ScoreOptions,
    *,
    absent_as_empty: bool = False,
    signers: Mapping[str, str] | None = None,
    recordings: Mapping[str, str] | None = None,
    nbest: Mapping[str, Sequence[Hypothesis]] | None = None,
    tuned_on: str = "",
    no_gain_on: str = "",
) -> Score:
    """Normalise both sides, align each clip as sclite does, pool the counts, and resample for an interval.

    Args:
        references: glosses by clip id, as released.
        absent_as_empty: score a reference without hypothesis as if nothing was recognised, with a warning.
            For formats that cannot name such a clip; the official Phoenix scripts do so too (`mergectmstm.py`).
            A partial score leaves out such a reference, with a warning too.
        signers, recordings: by clip id, where known.
        nbest: alternatives by clip id, for the oracle: the WER if the best of them had been chosen.
        tuned_on, no_gain_on: as in `Score`.

    Raises:
        SlaError: ids that only one side names (unless allowed), an id that occurs twice, no reference words, glosses
            that differ only in their Unicode normal form or hold control characters, clips whose cluster is not known.
    """
    rules = profile(options.profile)
    recognised = _by_id(hypotheses)
    missing = [name for name in references if name not in recognised]
    extra = [name for name in recognised if name not in references]
    absent: list[str] = []
    if absent_as_empty and missing and options.partial:
        log.warning("no hypothesis for %s, left out with --partial: %s", counted(len(missing), "clip"), some(missing))
    elif absent_as_empty and missing:
        absent, missing = missing, []
        log.warning("no hypothesis for %s, scored as empty: %s", counted(len(absent), "clip"), some(absent))
        recognised |= dict.fromkeys(absent, ())
    if not options.partial:
        _refuse_unmatched(missing, extra, absent)
    _refuse_control("references", references)
    _refuse_control("hypotheses", recognised)
    if options.nfc:
        references = {name: nfc(glosses) for name, glosses in references.items()}
        recognised = {name: nfc(glosses) for name, glosses in recognised.items()}
    else:
        refuse_mixed_forms(references, recognised)
    if recognised and not any(recognised.values()):
        log.warning("nothing was recognised in any clip: is this the right file, and was the model trained?")
    signers, recordings = signers or {}, recordings or {}
    clips = tuple(
        score_clips(
            (
                name,
                rules.reference(glosses),
                rules.hypothesis(recognised[name]),
                signers.get(name, ""),
                recordings.get(name, ""),
            )
            for name, glosses in references.items()
            if name in recognised
        )
    )
    if not clips:
        raise SlaError("hypotheses and references have no clip in common", "Are they of the same split?")
    nbest = nbest or {}
    alternatives = max(1, *(len(nbest.get(clip.id, ())) for clip in clips))
    result = Score(
        profile=rules.name,
        profile_version=rules.version,
        signature="",
        clips=clips,
        absent=tuple(absent),
        left_out=(*missing, *extra),
        interval=wer_interval(clips, options.resampling),
        oracle=_oracle(clips, nbest, rules, options) if alternatives > 1 else None,
        alternatives=alternatives,
        tuned_on=tuned_on,
        no_gain_on=no_gain_on,
    )
    return replace(result, signature=_signature(result, len(references), options))


def _oracle(
    clips: Sequence[ClipScore], nbest: Mapping[str, Sequence[Hypothesis]], rules: Profile, options: ScoreOptions
) -> Counts:
    """Pooled counts of each clip's best alternative; the first of equally good ones."""
    best = {clip.id: clip.counts for clip in clips}
    others = score_clips(
        (clip.id, clip.reference, rules.hypothesis(nfc(one.glosses) if options.nfc else one.glosses), "", "")
        for clip in clips
        for one in nbest.get(clip.id, ())
    )
    for other in others:
        best[other.id] = min(best[other.id], other.counts, key=lambda counts: counts.errors)
    return total(list(best.values()))


def _by_id(hypotheses: Iterable[Hypothesis]) -> dict[str, Glosses]:
    recognised: dict[str, Glosses] = {}
    for hypothesis in hypotheses:
        if hypothesis.id in recognised:
            raise SlaError(f"two hypotheses for clip {hypothesis.id}", "Keep one per clip.")
        recognised[hypothesis.id] = hypothesis.glosses
    return recognised


def _refuse_unmatched(missing: list[str], extra: list[str], absent: list[str]) -> None:
    sides = (("hypothesis", missing, "references"), ("reference", extra, "hypotheses"))
    faults = [f"no {what} for {len(ids)} of the {side} ({some(ids)})" for what, ids, side in sides if ids]
    if same := same_but_for_form((*missing, *absent), extra):
        number = counted(len(same), "id differs", "ids differ")
        faults.append(f"{number} only in the Unicode normal form ({some(same)})")
        hint = "Convert both sides to normal form C; `sla score --nfc` does not do that with ids."
        raise SlaError("; ".join(faults), hint)
    if faults:
        raise SlaError(
            " and ".join(faults),
            "Are they of the same split? Decode all of it; `sla score --partial` scores one of them on some clips.",
        )


def _refuse_control(side: str, glosses_of: Mapping[str, Glosses]) -> None:
    """Raise SlaError for a gloss that no store and no file for sclite can hold."""
    for clip, glosses in glosses_of.items():
        for gloss in glosses:
            if CONTROL.search(gloss):
                raise SlaError(
                    f"{gloss!r} in the {side}, clip {clip}, holds NUL or a similar character",
                    "Correct the file: `sla prep` refuses such a gloss too.",
                )


def _signature(result: Score, references: int, options: ScoreOptions) -> str:
    """One line with everything that must be equal for a comparison of the number."""
    scored, interval = len(result.clips), result.interval
    facts = [
        f"wer:{result.total.wer:.2f}",
        f"ci{interval.level:g}:{interval.low:.2f}-{interval.high:.2f}" if interval else "",
        f"n:{scored}" if scored == references else f"n:{scored}of{references}",
        f"absent:{len(result.absent)}" if result.absent else "",
        f"profile:{profile(result.profile)}",
        f"align:{ALIGNMENT}",
        "case:insensitive",
        "unicode:nfc" if options.nfc else "",
        f"bootstrap:{interval.samples}x{interval.units}{interval.cluster}s,seed{interval.seed}" if interval else "",
        f"sla:{__version__}",
    ]
    return "|".join(filter(None, facts))
