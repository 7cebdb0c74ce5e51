"""Word error rate of hypotheses against references, joined by clip id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sla_cli import __version__
from sla_cli.core.align import ALIGNMENT
from sla_cli.core.hypothesis import Hypothesis
from sla_cli.core.normalize import Profile, profile
from sla_cli.core.result import ClipScore, Score, pooled, score_clip
from sla_cli.errors import SlaError, some
from sla_cli.log import log


def score(
    hypotheses: Iterable[Hypothesis],
    references: Mapping[str, tuple[str, ...]],
    profile_name: str,
    partial: bool = False,
    absent_as_empty: bool = False,
) -> Score:
    """Normalise both sides, align each clip as sclite does, and pool the counts.

    Args:
        references: glosses by clip id, as released.
        profile_name: a normalisation of `core.normalize`.
        partial: score the clips that both sides name, and leave out the others.
        absent_as_empty: score a reference that no hypothesis names as if nothing was recognised, with a warning.
            For formats that cannot name such a clip; the official Phoenix scripts do so too (`mergectmstm.py`).

    Raises:
        SlaError: ids that only one side names (unless allowed), an id that comes twice, no reference words.
    """
    rules = profile(profile_name)
    recognised = _by_id(hypotheses)
    missing = [name for name in references if name not in recognised]
    extra = [name for name in recognised if name not in references]
    absent: list[str] = []
    if absent_as_empty and missing:
        absent, missing = missing, []
        log.warning("no hypothesis for %d clips, scored as empty: %s", len(absent), some(absent))
        recognised |= dict.fromkeys(absent, ())
    if not partial:
        _refuse_unmatched(missing, extra)
    clips = tuple(
        score_clip(name, rules.reference(glosses), rules.hypothesis(recognised[name]))
        for name, glosses in references.items()
        if name in recognised
    )
    if not clips:
        raise SlaError("hypotheses and references have no clip in common", "Are they of the same split?")
    return Score(
        profile=rules.name,
        profile_version=rules.version,
        signature=_signature(clips, rules, len(references), len(absent)),
        clips=clips,
        absent=tuple(absent),
        left_out=(*missing, *extra),
    )


def _by_id(hypotheses: Iterable[Hypothesis]) -> dict[str, tuple[str, ...]]:
    recognised: dict[str, tuple[str, ...]] = {}
    for hypothesis in hypotheses:
        if hypothesis.id in recognised:
            raise SlaError(f"two hypotheses for clip {hypothesis.id}", "Keep one a clip.")
        recognised[hypothesis.id] = hypothesis.glosses
    return recognised


def _refuse_unmatched(missing: list[str], extra: list[str]) -> None:
    faults = []
    if missing:
        faults.append(f"{len(missing)} references have no hypothesis ({some(missing)})")
    if extra:
        faults.append(f"{len(extra)} hypotheses have no reference ({some(extra)})")
    if faults:
        raise SlaError(
            " and ".join(faults), "Are they of the same split? Use --partial to score what both have in common."
        )


def _signature(clips: tuple[ClipScore, ...], rules: Profile, references: int, absent: int) -> str:
    """All that someone needs to know to compare the number, on one line."""
    facts = [
        f"wer:{pooled(clips).wer:.2f}",
        f"n:{len(clips)}" if len(clips) == references else f"n:{len(clips)}of{references}",
        *([f"absent:{absent}"] if absent else []),
        f"profile:{rules}",
        f"align:{ALIGNMENT}",
        "case:insensitive",
        f"sla:{__version__}",
    ]
    return "|".join(facts)
