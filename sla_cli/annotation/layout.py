"""Which parts of an annotation are written into a file, and under which names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sla_cli.annotation.tier import CONFIDENCE, plain
from sla_cli.core.arguments import as_flag, check_one_of
from sla_cli.errors import SlaError, shown

SENTENCE = "SENTENCE"


@dataclass(frozen=True)
class Layout:
    """Options of the formats; each format uses those that it supports.

    Attributes:
        tier: name of the tier with the glosses, in EAF, TextGrid and JSON.
        cue: what a subtitle shows: the glosses of a sentence, or one gloss.
        sentences: whether the sentences are a tier too, in EAF, TextGrid and JSON.
        confidence: whether the confidence is a tier too, in EAF and TextGrid.

    Raises:
        SlaError: another value of `cue`, a flag that is not True or False, no name for a tier, or that of the tier with
            the sentences.
    """

    tier: str = "SIGN"
    cue: Literal["gloss", "sentence"] = "sentence"
    sentences: bool = False
    confidence: bool = False

    def __post_init__(self) -> None:
        check_one_of(self.cue, "cue", ("gloss", "sentence"))
        as_flag(self.sentences, "sentences of a Layout")
        as_flag(self.confidence, "confidence of a Layout")
        if not isinstance(self.tier, str) or not self.tier.strip() or not self.tier.isprintable():
            raise SlaError(f"{shown(self.tier)} is not a name for a tier", "Name it with letters, such as SIGN.")
        if self.sentences and plain(self.tier) == SENTENCE:
            raise SlaError(f"two tiers would be named {SENTENCE}", "Give the tier of the glosses another name.")

    @property
    def confidence_tier(self) -> str:
        """Name of the tier with the confidence of each gloss."""
        return f"{self.tier}{CONFIDENCE}"


DEFAULT = Layout()
