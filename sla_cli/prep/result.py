"""The result of prep for all requested clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from sla_cli.core.clip import SPLITS, unknown_glosses
from sla_cli.core.counted import counted
from sla_cli.core.quantities import Count
from sla_cli.errors import SlaError, some
from sla_cli.store.division import Division

LISTED = 20  # most broken clips in an error message


class UnknownGlosses(TypedDict):
    """Training glosses of a split that are not in the vocabulary.

    Attributes:
        glosses: number of training glosses
        missing: how many of them are not in the vocabulary
        types: number of different glosses among these
    """

    glosses: Count
    missing: Count
    types: Count


@dataclass
class DivisionFigures:
    """One division of the corpus.

    Attributes:
        clips: by split, the number of clips
        vocabulary: number of different training glosses in train
        unknown: by other annotated split, training glosses that are not in the vocabulary
    """

    clips: dict[str, int] = field(default_factory=dict)
    vocabulary: Count = 0
    unknown: dict[str, UnknownGlosses] = field(default_factory=dict)


def division_figures(division: Division, glosses: Mapping[str, Sequence[str]]) -> DivisionFigures:
    """Sizes of a division, and the glosses that its train split lacks.

    Args:
        glosses: by clip id, its training glosses; a person may have listed other clips in the division.
    """
    of_clips = [(split, glosses[clip]) for clip, split in division.splits.items() if clip in glosses]
    parts = {split: [words for of, words in of_clips if of == split] for split in SPLITS}
    vocabulary = {gloss for words in parts["train"] for gloss in words}
    figures = DivisionFigures({split: len(part) for split, part in parts.items() if part}, len(vocabulary))
    for split in ("dev", "test") if vocabulary else ():
        if total := sum(map(len, parts[split])):
            missing = unknown_glosses(parts[split], vocabulary)
            figures.unknown[split] = {"missing": missing.total(), "glosses": total, "types": len(missing)}
    return figures


@dataclass
class PrepResult:
    """A store of a corpus.

    With `--part`, `store` is null, `encoded` and `reused` count the clips of the part, and `clips`, `divisions`,
    `incomplete`, `labels`, `psnr` and `files` have no meaning yet (they are empty, 0 or null). With exit code 2, if
    clips cannot be read (without `--on-error skip`, and with `--part` always), only `failed` has a meaning.

    Attributes:
        store: path of the store; null if none was written
        clips: number of clips in the store
        divisions: by name, the divisions of the corpus; the first is the default
        skipped: by clip id, why it was left out on purpose
        failed: by clip id, why its frames cannot be read
        incomplete: by clip id, what is missing in its recording; the clip is stored as it is
        labels: how the training glosses were cleaned: `raw`, or a profile with its version
        psnr: PSNR of sampled stored frames relative to the resized ones, in dB; null if these lose nothing
        files: names of the store's files
        encoded: number of clips that this call encoded
        reused: number of clips whose frames existed already
    """

    store: str | None = None
    clips: Count = 0
    divisions: dict[str, DivisionFigures] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    labels: str = ""
    psnr: float | None = None
    files: list[str] = field(default_factory=list)
    encoded: Count = 0
    reused: Count = 0


class BrokenClips(SlaError):
    """Clips whose frames cannot be read (`failed`: id to reason), of all clips or of a part."""

    def __init__(self, failed: Mapping[str, str], planned: int, *, part: bool = False) -> None:
        self.failed = dict(failed)
        listed = some((f"{name}: {reason}" for name, reason in failed.items()), LISTED)
        message = f"{len(failed)} of {counted(planned, 'clip')} cannot be read, so the store is not written: {listed}"
        hint = "Fix them and run the same command again (the others are kept), or leave them out with --on-error skip."
        if part:
            message = f"{len(failed)} of {counted(planned, 'clip')} of this part cannot be read: {listed}"
            hint = "The others are kept. The last call, without --part, tries them again; use --on-error skip with it."
        super().__init__(message, hint)
