"""Plans what is stored: the clips of a corpus, checked, with their training glosses, and its divisions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt
from sla_cli.core.clip import Clip, origin_of
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.begun import cache_folder
from sla_cli.prep.corpus import Listing
from sla_cli.prep.labels import Labels, find_labels
from sla_cli.prep.left_out import read_left_out
from sla_cli.prep.request import PrepRequest
from sla_cli.store.content import StoreHeader
from sla_cli.store.division import Division
from sla_cli.video.source import list_archives

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # HDF5 or sla's tables cannot hold these
LONGEST_ID = 255  # the limit of a file name, as pictures and parts may be named by it


@dataclass(frozen=True)
class Plan:
    """The planned content of a store.

    Attributes:
        root: folder or archive of the corpus.
        clips: in the order of the tables, with training glosses and origin.
        divisions: of the corpus; the first is the default.
        skipped: clip id with the reason why it is left out on purpose.
        header: what all clips of the store share.
        receipt: of the store, without results.
        unreadable: folders and archives that cannot be opened, with the reason: their clips fail.
    """

    root: Path
    clips: list[Clip]
    divisions: list[Division]
    skipped: dict[str, str]
    header: StoreHeader
    receipt: Receipt
    unreadable: Mapping[Path, SlaError]


def make_plan(request: PrepRequest, out: Path, *, alone: bool = True) -> Plan:
    """Read a corpus, check its clips and clean their glosses.

    Args:
        out: folder of the store.
        alone: whether no other process reads the corpus for the same store at the same time.

    Raises:
        SlaError: the corpus does not exist or a table is broken, an id that a store cannot hold, a clip listed twice,
            control characters, a recording with two frame rates, or no clip is left.
    """
    corpus, recipe = request.corpus, request.recipe
    labels = find_labels(request.frames.labels, corpus.labels)
    with _listing_once(cache_folder(out, recipe), alone=alone):
        tree = corpus.open(request.source, out)
        listing = corpus.read(tree, request.options)
        unreadable = list_archives((clip.source.root for clip in listing.clips), out)
    _check(listing.clips)
    _skip_left_out(listing, read_left_out(out))
    clips = [
        replace(clip, training=labels.clean(clip.glosses), origin=origin_of(clip.source, tree.root, request.media))
        for clip in listing.clips
    ]
    _skip_unlabelled(clips, listing, labels)
    return Plan(
        root=tree.root,
        clips=[clip for clip in clips if clip.id not in listing.skipped],
        divisions=[Division(name, splits, corpus.unseen.get(name, "")) for name, splits in listing.divisions.items()],
        skipped=listing.skipped,
        header=StoreHeader(
            corpus.name, **request.form, labels=labels.name, recipe=recipe, profile=corpus.profile, preset=corpus.preset
        ),
        receipt=request.receipt(labels.name, listing.tables, tree.root),
        unreadable=unreadable,
    )


@contextmanager
def _listing_once(folder: Path, *, alone: bool) -> Iterator[None]:
    """For parts that begin together: only the first lists an archive, the others read its list."""
    if alone:
        yield
        return
    with locked(folder, "another part is reading the corpus", wait=True):
        yield


def _skip_left_out(listing: Listing, signers: Iterable[str]) -> None:
    """Leave out the clips of signers who were taken out of the store."""
    for clip in listing.clips:
        if clip.signer in signers:
            listing.skipped[clip.id] = f"signer {clip.signer} was left out of this store"
            for splits in listing.divisions.values():
                splits.pop(clip.id, None)


def _skip_unlabelled(clips: Sequence[Clip], listing: Listing, labels: Labels) -> None:
    """Take clips of which no training gloss is left out of train, and out of the store if they are in no other split.

    Raises SlaError if no clip is left, in the store or in a train split.
    """
    listed = {name: "train" in splits.values() for name, splits in listing.divisions.items()}
    for clip in (clip for clip in clips if not clip.training and clip.id not in listing.skipped):
        of_train = [splits for splits in listing.divisions.values() if splits.get(clip.id) == "train"]
        for splits in of_train:
            del splits[clip.id]
        in_no_split = of_train and not any(clip.id in splits for splits in listing.divisions.values())
        if in_no_split or (clip.glosses and not listing.divisions):
            reason = f"after cleaning with {labels.name} no gloss is left: {' '.join(clip.glosses) or 'none'}"
            listing.skipped[clip.id] = reason
            log.warning("skipping clip %s: %s", clip.id, reason)
    lost_train = any(had and "train" not in listing.divisions[name].values() for name, had in listed.items())
    if lost_train or all(clip.id in listing.skipped for clip in clips):
        raise SlaError(f"{' and '.join(listing.tables) or 'the corpus'}: no usable clip", "Do they contain glosses?")


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
    if not clip.id.strip():
        return f"clip {clip.id!r} has an empty id"
    if "/" in clip.id or CONTROL.search(clip.id):
        return f"clip {clip.id[:80]!r}: an id must not contain '/', tab, NUL or similar characters"
    if len(clip.id) > LONGEST_ID:
        return f"clip {clip.id[:40]!r}…: an id of {len(clip.id)} characters; at most {LONGEST_ID} are allowed"
    if CONTROL.search(" ".join((clip.signer, *clip.glosses))) or "\0" in clip.translation:
        return f"clip {clip.id}: a tab, NUL or similar character in signer, glosses or translation"
    return ""
