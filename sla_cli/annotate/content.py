"""What the page shows of an ELAN file, and what changed from one version of it to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from sla_cli.annotate.scope import Scope
from sla_cli.annotation.eaf_document import Document, parse_document
from sla_cli.annotation.eaf_read import links_of, tiers_of
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import CONFIDENCE, DECISION, Tier, by_look, origin_in
from sla_cli.annotation.timed import Interval
from sla_cli.core.digest import digest_bytes

DONE = "sla:done"  # property of the header: `done Mia 2026-11-29T10:22:31+00:00`, or `open …`


class Entry(Struct, frozen=True, array_like=True):
    """An annotation.

    Attributes:
        start, end: milliseconds on the timeline of the file, end exclusive.
        decision: what was decided about it, "" if nothing was.
        confidence: of a suggestion, from 0 to 1; None if it is not known.
    """

    start: int
    end: int
    text: str
    decision: str = ""
    confidence: float | None = None

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end, self.text)


@dataclass(frozen=True)
class Content:
    """A version of a file.

    Attributes:
        all_tiers: also those that are not in the scope.
        digest: of its bytes.
        tiers: annotations by their ids, of each tier in the scope that the file has.
        decisions: by tier, the id of the decision about each annotation.
        done: what the file says about being done, "" if nothing.
        signer: who signs, as the tiers that may be edited say, or if there is none the others; "" if they do not agree.
        origin: milliseconds of the video at which the timeline of the file begins.
    """

    document: Document
    all_tiers: Sequence[Tier]
    digest: str
    tiers: Mapping[str, Mapping[str, Entry]]
    decisions: Mapping[str, Mapping[str, str]]
    done: str
    signer: str
    origin: int

    @property
    def is_done(self) -> bool:
        return self.done.startswith("done ")


class TierChanges(Struct):
    """What changed in a tier: the annotations that are new or different, and ids of those that are gone."""

    put: dict[str, Entry]
    gone: list[str]


def read_content(data: bytes, eaf: Path, video: Path, scope: Scope) -> Content:
    """The content of a file.

    Args:
        eaf, video: the file, and its video.

    Raises:
        FormatError: it is not an ELAN file that sla can change; names file and line.
    """
    document = parse_document(data, str(eaf))
    all_tiers = tiers_of(document)
    used = {tier + end for tier in scope.decided for end in ("", CONFIDENCE, DECISION)}
    by_name = {tier.name: tier for tier in all_tiers}
    found = {look: by_name[written] for look, written in by_look(by_name, used, str(eaf)).items()}
    tiers: dict[str, dict[str, Entry]] = {}
    decisions: dict[str, dict[str, str]] = {}
    for tier in scope.decided:
        about = {mark.parent: mark for mark in found[tier + DECISION].marks} if tier + DECISION in found else {}
        decisions[tier] = {parent: mark.id for parent, mark in about.items()}
        sure: dict[str, float] = {}
        named = Layout(tier).confidence_tier if tier == scope.suggestions else ""
        for mark in found[named].marks if named in found else ():
            sure |= _confidence(mark.parent, mark.text)
        if tier in found:
            tiers[tier] = {
                mark.id: Entry(
                    mark.start,
                    mark.end,
                    mark.text,
                    about[mark.id].text if mark.id in about else "",
                    sure.get(mark.id),
                )
                for mark in found[tier].marks
            }
    properties = {one.attributes.get("NAME", ""): one.text.strip() for one in document.header.named("PROPERTY")}
    return Content(
        document,
        all_tiers,
        digest_bytes(data),
        tiers,
        decisions,
        properties.get(DONE, ""),
        _signer(found, scope),
        origin_in(links_of(document), video, eaf.parent),
    )


def _signer(tiers: Mapping[str, Tier], scope: Scope) -> str:
    edited = [tiers[name] for name in scope.edited if name in tiers]
    names = {tier.participant for tier in edited or tiers.values()} - {""}
    return names.pop() if len(names) == 1 else ""


def _confidence(parent: str, text: str) -> dict[str, float]:
    try:
        return {parent: float(text)}
    except ValueError:
        return {}


def difference(before: Content, after: Content) -> dict[str, TierChanges]:
    """What changed, by tier; tiers without a change are left out."""
    changes = {}
    for tier in after.tiers.keys() | before.tiers.keys():
        old, new = before.tiers.get(tier, {}), after.tiers.get(tier, {})
        put = {name: entry for name, entry in new.items() if old.get(name) != entry}
        gone = [name for name in old if name not in new]
        if put or gone:
            changes[tier] = TierChanges(put, gone)
    return changes
