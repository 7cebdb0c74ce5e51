"""Names of tiers: which tiers match a name or pattern, and to which person they belong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from sla_cli.annotation.tier import Tier

# The person at the end of a tier's name: `Lexem_Gebärde_r_A`, `GlossR S1`. R and L are hands.
PERSON = re.compile(r"[ _.-](?P<person>[AB]|[SP]\d+)")


def find_tiers(tiers: Iterable[Tier], wanted: str) -> list[Tier]:
    """The tiers that match a name or a pattern with `*` and `?`, in order of the file.

    The exact name is tried first, then without case, then without the person at the end of the tier's name.
    """
    pattern = _plain(wanted).replace("[", "[[]")
    names = [(tier, _plain(tier.name)) for tier in tiers]
    for found in (
        [tier for tier, name in names if fnmatchcase(name, pattern)],
        [tier for tier, name in names if fnmatchcase(name.casefold(), pattern.casefold())],
        [tier for tier, name in names if fnmatchcase(_impersonal(name).casefold(), pattern.casefold())],
    ):
        if found:
            return found
    return []


def people(tiers: Sequence[Tier], everything: Iterable[Tier]) -> dict[str, list[Tier]]:
    """Tiers by the person who signs, in order of first occurrence; "" if no person is named.

    If some tiers name the same single person, the tiers without a name belong to that person too.

    Args:
        everything: all tiers of the file.
    """
    by_name = {tier.name: tier for tier in everything}
    found: dict[str, list[Tier]] = {}
    for tier in tiers:
        found.setdefault(person_of(tier, by_name), []).append(tier)
    if len(found) == 2 and "" in found:
        (name,) = found.keys() - {""}
        return {name: list(tiers)}
    return found


def person_of(tier: Tier, by_name: Mapping[str, Tier]) -> str:
    """Who signs: the participant of a tier, or the end of its name, or those of its parent; "" if none is given."""
    at: Tier | None = tier
    while at is not None:
        if person := at.participant or suffix_of(at.name):
            return person
        at = by_name.get(at.parent) if at.parent else None  # a tier may have the name ""
    return ""


def suffix_of(name: str) -> str:
    """The person at the end of a tier's name, "" if there is none."""
    end = max(name.rfind(mark) for mark in " _.-")
    match = PERSON.fullmatch(name[end:]) if end > 0 else None
    return match["person"] if match else ""


def _impersonal(name: str) -> str:
    person = suffix_of(name)
    return name[: -len(person) - 1] if person else name


def _plain(name: str) -> str:
    """The name with accented letters in one of the two Unicode forms."""
    return unicodedata.normalize("NFC", name.strip())
