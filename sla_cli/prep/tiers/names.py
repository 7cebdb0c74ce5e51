"""To which person tiers belong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sla_cli.annotation.tier import Tier, suffix_of
from sla_cli.core.alike import in_one_form
from sla_cli.core.clip import one_spelling


def people(tiers: Sequence[Tier], everything: Iterable[Tier]) -> dict[str, list[Tier]]:
    """Tiers by the person who signs, in order of first occurrence; "" if no person is named.

    Names of one person (`signer_key`) become the one that is written first. If some tiers name the same single person,
    the tiers without a name belong to that person too.

    Args:
        everything: all tiers of the file.
    """
    by_name = {tier.name: tier for tier in everything}
    found: dict[str, list[Tier]] = {}
    for person, tier in zip(one_spelling(person_of(tier, by_name) for tier in tiers), tiers, strict=True):
        found.setdefault(person, []).append(tier)
    if len(found) == 2 and "" in found:
        (name,) = found.keys() - {""}
        return {name: list(tiers)}
    return found


def person_of(tier: Tier, by_name: Mapping[str, Tier]) -> str:
    """Who signs: the participant of a tier, or the end of its name, or those of its parent; "" if none is given."""
    people = (one.participant or suffix_of(one.name) for one in with_parents(tier, by_name))
    return in_one_form(next(filter(None, people), ""))


def with_parents(tier: Tier, by_name: Mapping[str, Tier]) -> Iterator[Tier]:
    """A tier, and those that it depends on, the nearest first."""
    at: Tier | None = tier
    while at is not None:
        yield at
        at = by_name.get(at.parent) if at.parent else None  # a tier may have the name ""
