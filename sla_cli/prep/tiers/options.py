"""Options of `sla prep elan`: which tiers and recordings are read, and what ends a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from sla_cli.config.bounds import LARGE
from sla_cli.config.checks import OptionValues


def _option(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class TierOptions(OptionValues):
    """What is read of annotation files. Tiers are given by name or by a pattern with * and ?."""

    media: str = _option("", "Folder with the recordings, found there by name, if they are not where the files say.")
    video: str = _option("", "Recording to use, by name or pattern, if an annotation file links several.")
    tier: tuple[str, ...] = _option((), "Gloss tier, as in 'GlossR*'; repeat it for the other hand.")
    tier_type: tuple[str, ...] = _option((), "Gloss tiers, by linguistic type.")
    utterance_tier: str = _option("", "Tier whose annotations are the clips; pauses end a clip if not given.")
    translation_tier: str = _option("", "Tier of translations.")
    pause: Annotated[float, Meta(ge=0, le=LARGE)] = _option(
        1.0, "Seconds without a sign that end a clip, without --utterance-tier."
    )
