"""The result of prep for all requested clips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some

LISTED = 20  # most broken clips in an error message


@dataclass
class DivisionFigures:
    """One division of the corpus.

    Attributes:
        clips: split to number of clips.
        vocabulary: number of different training glosses in train.
        unknown: by other annotated split, glosses outside the vocabulary: `missing` of `glosses` training glosses,
            `types` different ones.
    """

    clips: dict[str, int] = field(default_factory=dict)
    vocabulary: int = 0
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass
class PrepResult:
    """The result for the clips.

    Attributes:
        clips: number of clips in the store; 0 if only a part was encoded.
        divisions: by name, the divisions of the corpus; the first is the default.
        skipped: clip id with the reason why it was left out on purpose.
        failed: clip id with the error because of which it is left out until the source is fixed.
        incomplete: clip id with what is missing in its recording; the clip is in the store.
        labels: the cleaning of training glosses.
        psnr: of the stored frames against the resized ones, dB, pooled over one sampled frame of each clip; None if
            lossless.
        files: files of the store.
        encoded, reused: clips that this call encoded, and those whose frames existed.
    """

    clips: int = 0
    divisions: dict[str, DivisionFigures] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)
    labels: str = ""
    psnr: float | None = None
    files: list[str] = field(default_factory=list)
    encoded: int = 0
    reused: int = 0

    @classmethod
    def of_existing(cls, results: Mapping[str, Any]) -> PrepResult:
        """The result for a store that is up to date, from its receipt: nothing was encoded."""
        divisions = {name: DivisionFigures(**figures) for name, figures in results["divisions"].items()}
        return cls(**{**results, "divisions": divisions, "encoded": 0, "reused": results["clips"]})


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
