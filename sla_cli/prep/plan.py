"""Plans what is stored: the clips of a listing, checked, with their training glosses and the vocabulary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sla_cli.core.clip import SPLITS, Clip, unknown_glosses
from sla_cli.errors import SlaError, suggestion
from sla_cli.log import log
from sla_cli.prep.corpus import Corpus, Listing
from sla_cli.prep.labels import Labels

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # HDF5 or sla's tables cannot hold these
LONGEST_ID = 255  # the limit of a file name, as pictures and parts may be named by it


@dataclass(frozen=True)
class PlannedClip:
    """A clip and its training glosses."""

    clip: Clip
    glosses: tuple[str, ...]


@dataclass
class Plan:
    """The planned content of a store.

    Attributes:
        splits: by name the clips in the table's order, for the splits that have some.
        vocabulary: training glosses of all clips that the train table lists, sorted.
        skipped: clip id with the reason why it is left out on purpose.
        unknown: for each other annotated split, how many of its `glosses` are `missing` in the vocabulary, and how many
            different ones these are (`types`).
        annotated: splits with references.
    """

    splits: dict[str, list[PlannedClip]] = field(default_factory=dict)
    vocabulary: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)
    annotated: set[str] = field(default_factory=set)

    @property
    def clips(self) -> list[Clip]:
        """Clips of all splits, in order."""
        return [item.clip for planned in self.splits.values() for item in planned]

    def with_clips(self, clips: Sequence[Clip]) -> Plan:
        """The same plan for clips of the same ids, in the same order."""
        new = iter(clips)
        splits = {name: [replace(item, clip=next(new)) for item in planned] for name, planned in self.splits.items()}
        return replace(self, splits=splits)


def choose_protocol(corpus: Corpus, name: str) -> str:
    """A protocol of the corpus, the first if none is named, "" if it has none. Raises SlaError."""
    if name and name not in corpus.protocols:
        known = suggestion(name, corpus.protocols) if corpus.protocols else "Leave --protocol out."
        raise SlaError(f"{corpus.name} has no protocol {name!r}", known)
    return name or next(iter(corpus.protocols), "")


def make_plan(listing: Listing, labels: Labels) -> Plan:
    """Check clips and clean their glosses.

    Raises:
        SlaError: an id that a store cannot hold, a clip listed twice, control characters, a recording with two frame
            rates, or no clip is left.
    """
    plan = Plan(skipped=dict(listing.skipped), annotated=set(listing.annotated))
    _check(listing.clips)
    for clip in listing.clips:
        glosses = labels.clean(clip.glosses)
        if clip.split == "train" and not glosses:
            reason = f"after cleaning with {labels.name} no gloss is left: {' '.join(clip.glosses) or 'none'}"
            plan.skipped[clip.id] = reason
            log.warning("skipping clip %s of train: %s", clip.id, reason)
        else:
            plan.splits.setdefault(clip.split, []).append(PlannedClip(clip, glosses))
    if not plan.splits or (not plan.splits.get("train") and any(clip.split == "train" for clip in listing.clips)):
        raise SlaError(f"{' and '.join(listing.tables) or 'the corpus'}: no usable clip", "Do they contain glosses?")
    plan.splits = {split: plan.splits[split] for split in SPLITS if split in plan.splits}
    plan.vocabulary = tuple(sorted({gloss for item in plan.splits.get("train", ()) for gloss in item.glosses}))
    for split, items in plan.splits.items():
        if plan.vocabulary and split != "train" and split in listing.annotated:
            missing = unknown_glosses((item.glosses for item in items), plan.vocabulary)
            total = sum(len(item.glosses) for item in items)
            plan.unknown[split] = {"missing": missing.total(), "glosses": total, "types": len(missing)}
    return plan


def _check(clips: list[Clip]) -> None:
    seen: dict[str, Clip] = {}
    of_recording: dict[tuple[Path, str], Clip] = {}
    for clip in clips:
        if reason := _fault(clip):
            raise SlaError(f"{clip.where}: {reason}", "Fix the table.")
        if clip.id in seen:
            hint = "Remove or rename one of the two."
            raise SlaError(f"{clip.where}: clip {clip.id} is listed twice, first in {seen[clip.id].where}", hint)
        seen[clip.id] = clip
        other = of_recording.setdefault((clip.source.root, clip.source.path), clip)
        if other.source.fps != clip.source.fps:
            here, there = (f"{one.source.fps:g} fps" if one.source.fps else "no fps" for one in (clip, other))
            message = f"{clip.where}: {clip.source.path} has {here} here, but {there} in {other.where}"
            raise SlaError(message, "A recording has one frame rate: fix the table.")


def _fault(clip: Clip) -> str:
    if clip.split not in SPLITS:
        return f"clip {clip.id[:80]!r} has split {clip.split!r}; splits are {', '.join(SPLITS)}"
    if not clip.id.strip():
        return f"clip {clip.id!r} has an empty id"
    if "/" in clip.id or CONTROL.search(clip.id):
        return f"clip {clip.id[:80]!r}: an id must not contain '/', tab, NUL or similar characters"
    if len(clip.id) > LONGEST_ID:
        return f"clip {clip.id[:40]!r}…: an id of {len(clip.id)} characters; at most {LONGEST_ID} are allowed"
    if CONTROL.search(" ".join((clip.signer, *clip.glosses))) or "\0" in clip.translation:
        return f"clip {clip.id}: a tab, NUL or similar character in signer, glosses or translation"
    return ""
