"""Adds glosses to an existing ELAN file. Everything from other programs stays unchanged, byte for byte."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from pathlib import Path

from sla_cli.annotation.eaf import (
    DIGEST,
    LAST_ID,
    Built,
    TierPlan,
    build,
    digest_properties,
    made_properties,
    plan_tiers,
    tells_of,
)
from sla_cli.annotation.eaf_document import Document, Edit, Node, parse_document, read_document
from sla_cli.annotation.eaf_own import check_uncorrected, corrected
from sla_cli.annotation.eaf_parts import (
    SLOTS,
    check_times,
    check_unreferred,
    last_annotation,
    last_slot,
    properties_set,
    slots_inserted,
    type_edits,
    with_free_type,
)
from sla_cli.annotation.eaf_read import links_of, tiers_of
from sla_cli.annotation.layout import SENTENCE, Layout
from sla_cli.annotation.tier import link_to, origin_in, plain
from sla_cli.annotation.timed import TimedSentence, TimedSign, in_milliseconds
from sla_cli.artifact.edit_file import edit_file
from sla_cli.core.annotation import Annotation
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.system.atomic import refuse_read_only


def add_to(
    existing: Path, annotation: Annotation, layout: Layout, *, replace: bool, recording: Path | None = None
) -> None:
    """Add the tiers of a layout to an ELAN file; the new file appears only when it is complete.

    If the file links the recording with an offset (TIME_ORIGIN), times are shifted to the timeline of the file.

    Args:
        existing: the file to add to, which keeps its permissions.
        replace: whether a tier of this name that sla wrote is replaced, with the time slots that only it uses, and with
            its child tiers.
        recording: where it lies, if it is no video file, such as one in an archive.

    Raises:
        SlaError: a tier of this name exists (with `replace`: one that sla did not write, or that others refer to),
            a gloss that XML cannot hold, or a file that cannot be read or written. Nothing is changed.
        FormatError: `existing` is not an ELAN file; names the line.
    """
    edit_file(
        existing, lambda data: _added(parse_document(data, str(existing)), annotation, recording, layout, replace)
    )


def _added(document: Document, annotation: Annotation, recording: Path | None, layout: Layout, replace: bool) -> bytes:
    """The bytes of the file with the tiers of the annotation."""
    known = tiers_of(document)  # refuses a file that ELAN could not read
    sentences = _on_timeline(document, in_milliseconds(annotation), recording or annotation.media)
    plans = [with_free_type(document, plan) for plan in plan_tiers(sentences, layout)]
    old = _old_tiers(document, [plan.name for plan in plans], replace)
    staying = [tier for tier in known if tier.name == SENTENCE and tier.name not in map(_name, old)]
    if old and staying and not corrected(document, staying):
        log.warning("%s: tier %s stays as it is; --sentences replaces it too", document.name, SENTENCE)
    built = build(plans, last_slot(document) + 1, last_annotation(document) + 1)
    edits = [
        *_tier_edits(document, old, built),
        *_slot_edits(document, old, built),
        *type_edits(document, plans),
        *_property_edits(document, annotation, layout.tier, plans, old, built),
    ]
    check_times(document, known, edits, {})
    return document.edited(edits)


def check_can_add(existing: Path, layout: Layout, *, replace: bool) -> None:
    """Raise SlaError or FormatError if `add_to` would refuse, before anything is computed."""
    names = [plan.name for plan in plan_tiers([], layout)]
    document = read_document(existing)
    refuse_read_only(existing)
    tiers_of(document)
    links_of(document)
    _old_tiers(document, names, replace)


def has_tier(existing: Path, layout: Layout) -> bool:
    """Whether an ELAN file has the tier of glosses. Raises SlaError or FormatError if it cannot be read."""
    return plain(layout.tier) in {plain(_name(tier)) for tier in read_document(existing).root.named("TIER")}


def _on_timeline(
    document: Document, sentences: Sequence[TimedSentence], recording: Path | None
) -> tuple[TimedSentence, ...]:
    """Times of the recording as times of the file; what is before its zero point is left out, with a warning.

    Raises:
        FormatError: as `links_of`.
    """
    if recording is None:
        return tuple(sentences)
    links, folder = links_of(document), Path(document.name).parent
    origin, link = origin_in(links, recording, folder), link_to(links, recording, folder)
    other = None if link is None else link.video(folder)
    if other and other.name == recording.name and os.path.realpath(other) != os.path.realpath(recording):
        log.warning("%s links %s, not %s", document.name, os.path.normpath(other), recording)
    if links and link is None:
        log.warning(
            "%s has no link to %s: its timeline is taken to begin %.3f s into it",
            document.name, recording.name, origin / 1000,
        )  # fmt: skip
    if not origin:
        return tuple(sentences)
    moved = [tuple(_moved(sign, origin) for sign in sentence if sign.end > origin) for sentence in sentences]
    before = sum(sign.start < origin for sentence in sentences for sign in sentence)
    if before:
        log.warning(
            "%s begins %.3f s into %s: %s before that, shortened or left out",
            document.name, origin / 1000, recording.name,
            counted(before, "sign begins", "signs begin"),
        )  # fmt: skip
    return tuple(sentence for sentence in moved if sentence)


def _moved(sign: TimedSign, origin: int) -> TimedSign:
    return changed(sign, start=max(sign.start - origin, 0), end=sign.end - origin)


def _tier_edits(document: Document, old: Sequence[Node], built: Built) -> Iterator[Edit]:
    """New tiers are put where the old ones were, else after the last tier."""
    yield document.inserted_after(old[0] if old else document.place_for("TIER"), built.tiers)
    yield from map(document.removed, old)


def _old_tiers(document: Document, names: Sequence[str], replace: bool) -> list[Node]:
    """The tiers that are replaced by new ones with these names, or names that look the same, in order of the file."""
    tiers, wanted = document.root.named("TIER"), set(map(plain, names))
    old = [tier for tier in tiers if plain(_name(tier)) in wanted]
    there = {plain(_name(tier)) for tier in old}
    sentences = SENTENCE in there.intersection(names[1:])
    if not sentences:
        hint = "Name another tier with --tier."
    elif len(there) > 1:
        hint = "Leave out --sentences and name another tier with --tier."
    else:
        hint = "Leave out --sentences."
    if old and not replace:
        raise SlaError(f"{document.name} already has a tier {_name(old[0])}", f"{hint} --force replaces tiers of sla.")
    children, seen = defaultdict(list), set(map(id, old))
    for one in tiers:
        children[one.attributes.get("PARENT_REF")].append(one)
    for tier in old:  # grows by child tiers, and their child tiers
        new = [one for one in children[_name(tier)] if id(one) not in seen]
        seen |= set(map(id, new))
        old += new
    if old:
        check_uncorrected(document, map(_name, old), hint)
    ids = ((node.attributes.get("ANNOTATION_ID"), _name(tier)) for tier in old for node in tier.walk())
    check_unreferred(document, {one: tier for one, tier in ids if one is not None}, hint)
    return sorted(old, key=lambda tier: tier.start)


def _slot_edits(document: Document, old: Sequence[Node], built: Built) -> Iterator[Edit]:
    """The new slots, without those that only old tiers use."""
    yield from slots_inserted(document, built.slots)
    unused = _slots_of(old) - _slots_of([tier for tier in document.root.named("TIER") if tier not in old])
    slots = document.time_order.children
    yield from (document.removed(slot) for slot in slots if slot.attributes.get("TIME_SLOT_ID") in unused)


def _slots_of(tiers: Sequence[Node]) -> set[str]:
    """Ids of the time slots that annotations of these tiers refer to."""
    return {node.attributes[key] for tier in tiers for node in tier.walk() for key in SLOTS if key in node.attributes}


def _property_edits(
    document: Document, annotation: Annotation, tier: str, plans: Sequence[TierPlan], old: Sequence[Node], built: Built
) -> Iterator[Edit]:
    """Update the last used id, and replace how older tiers were made, and their digests, by those of the new ones."""
    new = [*made_properties(annotation.made, tier), *digest_properties(plans)]
    gone = {DIGEST + name for name in (*map(_name, old), *(plan.name for plan in plans))}
    found = document.header.named("PROPERTY")
    yield from properties_set(document, {LAST_ID: str(built.last_annotation)}, new)
    for one in found:
        name = one.attributes.get("NAME", "")
        if any(tells_of(name, one) for one in (tier, *map(_name, old))) or name in gone:
            yield document.removed(one)


def _name(tier: Node) -> str:
    return tier.attributes.get("TIER_ID", "")
