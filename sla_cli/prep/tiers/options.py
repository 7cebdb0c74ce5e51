"""Options of `sla prep elan`: which tiers and recordings are read, and what ends a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from sla_cli.config.bounds import LARGE
from sla_cli.config.checks import OptionValues, option


@dataclass(frozen=True)
class TierOptions(OptionValues):
    """What is read of annotation files. Tiers are given by name or by a pattern with * and ?."""

    media: str = option("", "Folder with the recordings, found there by name, if they are not where the files say.")
    video: str = option("", "Recording to use, by name or pattern, if an annotation file links several.")
    tier: tuple[str, ...] = option((), "Gloss tier, as in 'GlossR*'; repeat it for the other hand.")
    tier_type: tuple[str, ...] = option((), "Gloss tiers, by linguistic type.")
    utterance_tier: str = option("", "Tier whose annotations are the clips; pauses end a clip if not given.")
    translation_tier: str = option("", "Tier of translations.")
    pause: Annotated[float, Meta(ge=0, le=LARGE)] = option(
        1.0, "Seconds without a sign that end a clip, without --utterance-tier."
    )
