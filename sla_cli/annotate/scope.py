"""Which tiers the page may change, and who changes them."""

from __future__ import annotations

from dataclasses import dataclass

from sla_cli.annotation.eaf import ANNOTATOR, TierPlan
from sla_cli.annotation.tier import DECISION, plain
from sla_cli.errors import SlaError


@dataclass(frozen=True)
class Scope:
    """The tiers of each file that may change, and who changes them. Names of tiers become `plain`.

    Attributes:
        suggestions: tier with the glosses that sla recognised; only the tier of decisions below it changes.
        glosses: tiers that may be edited; the first one receives accepted suggestions. Two are the two hands.
        translation: tier with the translation, "" for none.
        annotator: who decides.

    Raises:
        SlaError: a name that is empty, not printable, or given twice; or the annotator has the name of sla itself.
    """

    suggestions: str
    glosses: tuple[str, ...]
    translation: str
    annotator: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "suggestions", plain(self.suggestions))
        object.__setattr__(self, "glosses", tuple(map(plain, self.glosses)))
        object.__setattr__(self, "translation", plain(self.translation))
        for name in (*self.decided, self.annotator):
            if not name.strip() or not name.isprintable() or name.endswith(DECISION):
                raise SlaError(
                    f"{name!r} is not a name for a tier or an annotator",
                    f"Name it with letters; {DECISION} ends tiers of sla.",
                )
        if twice := sorted({name for name in self.decided if self.decided.count(name) > 1}):
            raise SlaError(
                f"tier {twice[0]} was given twice", "Give each tier once (--suggestions, --tier, --translation)."
            )
        if self.annotator == ANNOTATOR:
            raise SlaError(
                f"annotator {ANNOTATOR}: tiers with this annotator are those that no person has corrected",
                "Give your name with --annotator.",
            )

    @property
    def edited(self) -> tuple[str, ...]:
        """The tiers whose annotations may change."""
        return (*self.glosses, *([self.translation] if self.translation else []))

    @property
    def decided(self) -> tuple[str, ...]:
        """The tiers with decisions about their annotations."""
        return (self.suggestions, *self.edited)

    def plan(self, tier: str, signer: str) -> TierPlan:
        """The tier as it is made if a file lacks it; `signer` is who signs, "" if that is not known."""
        kind = "sla-translation" if tier == self.translation else "sla-gloss"
        return TierPlan(tier, kind, (), annotator=self.annotator, participant=signer)

    def decision_plan(self, tier: str) -> TierPlan:
        """The tier of decisions below another one."""
        return TierPlan(tier + DECISION, "sla-decision", (), parent=tier, annotator=self.annotator)
