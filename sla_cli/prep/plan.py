"""Plans what is stored: the clips of a corpus, checked, with their training glosses, and its divisions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from sla_cli.artifact.lock import locked_while_made
from sla_cli.artifact.receipt import Receipt
from sla_cli.core.alike import in_one_form
from sla_cli.core.clip import Clip, one_spelling, origin_of
from sla_cli.core.hypothesis import CONTROL, NO_GLOSS
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.begun import cache_folder
from sla_cli.prep.corpus import Listing
from sla_cli.prep.labels import find_labels, label_clips
from sla_cli.prep.left_out import check_returning, left_out_reason
from sla_cli.prep.request import PrepRequest
from sla_cli.store.content import StoreHeader
from sla_cli.store.division import Division
from sla_cli.store.left_out import check_lists, left_out_among
from sla_cli.video.fingerprint import fingerprints
from sla_cli.video.source import list_archives, open_tree

SURROGATE = re.compile("[\ud800-\udfff]")  # a byte of a file's name that is not UTF-8
LONGEST_ID = 255  # the limit of a file name, as pictures and parts may be named by it


@dataclass(frozen=True)
class Plan:
    """The planned content of a store.

    Attributes:
        root: folder or archive of the corpus.
        clips: in the order of the tables, with training glosses, origins and stamps.
        divisions: of the corpus; the first is the default.
        skipped: clip id with the reason why it is left out on purpose.
        left_out: clip id with the signer, of signers who were left out of the store.
        header: what all clips of the store share.
        receipt: of the store, without results.
        unreadable: folders and archives that cannot be opened, with the reason: their clips fail.
    """

    root: Path
    clips: list[Clip]
    divisions: list[Division]
    skipped: dict[str, str]
    left_out: dict[str, str]
    header: StoreHeader
    receipt: Receipt
    unreadable: Mapping[Path, SlaError]


def make_plan(request: PrepRequest, out: Path, part: tuple[int, int] | None = None) -> Plan:
    """Read a corpus, check its clips and clean their glosses.

    Args:
        out: folder of the store.
        part: only the k-th of n parts of the clips, k from 1; other processes may plan other parts at the same time.

    Raises:
        SlaError: the corpus does not exist or a table is broken, an id that a store cannot hold, a clip listed twice,
            control characters, a recording with two frame rates, or no clip is left.
    """
    corpus, recipe = request.corpus, request.recipe
    labels = find_labels(request.frames.labels, corpus.labels)
    # Of parts that begin together, only the first lists an archive; the others read its list.
    busy = "another part is reading the corpus"
    with locked_while_made(cache_folder(out, recipe), busy, wait=True) if part is not None else nullcontext():
        tree = corpus.open(request.source, out)
        listing = corpus.read(tree, request.options)
        signers = one_spelling(in_one_form(clip.signer) for clip in listing.clips)
        listing.clips = [replace(clip, signer=name) for clip, name in zip(listing.clips, signers, strict=True)]
        unreadable = list_archives((clip.source.root for clip in listing.clips), out)
    _check_clips(listing.clips)
    check_lists(out)
    left_out = _skip_left_out(listing, left_out_among(out, (clip.signer for clip in listing.clips)))
    check_returning(out, {clip.id: clip.signer for clip in listing.clips if clip.id not in listing.skipped})
    clips = label_clips(listing, labels)
    number, parts = part or (1, 1)
    first, last = (len(clips) * end // parts for end in (number - 1, number))
    # Neighbours stay together: they often belong to one recording.
    located = _stamped(clips[first:last], tree.root, request.media, out, unreadable)
    return Plan(
        root=tree.root,
        clips=located,
        divisions=[Division(name, splits, corpus.unseen.get(name, "")) for name, splits in listing.divisions.items()],
        skipped=listing.skipped,
        left_out=left_out,
        header=StoreHeader(
            corpus.name, **request.form, labels=labels.name, recipe=recipe, profile=corpus.profile, preset=corpus.preset
        ),
        receipt=request.receipt(labels.name, listing.tables, tree.root),
        unreadable=unreadable,
    )


def _check_clips(clips: Sequence[Clip]) -> None:
    """Raise SlaError for an id that a store cannot hold, one that two clips have, control characters, or a recording
    with two frame rates."""
    seen: dict[str, Clip] = {}
    of_recording: dict[tuple[Path, str], Clip] = {}
    for clip in clips:
        if reason := _fault(clip):
            hint = "Correct the table or annotation there, or the name of the file, or its id in a table of files."
            raise SlaError(f"{clip.where}: {reason}", hint)
        if clip.id in seen:
            hint = "Remove or rename one of the two, or give them other ids in a table of files."
            raise SlaError(f"{clip.where}: clip {clip.id} is listed twice, first in {seen[clip.id].where}", hint)
        seen[clip.id] = clip
        other = of_recording.setdefault((clip.source.root, clip.source.path), clip)
        if other.source.fps != clip.source.fps:
            here, there = (f"{one.source.fps:g} fps" if one.source.fps else "no fps" for one in (clip, other))
            message = f"{clip.where}: {clip.source.path} has {here} here, but {there} in {other.where}"
            raise SlaError(message, "A recording has one frame rate: fix the table.")


def _fault(clip: Clip) -> str:
    for text in (clip.id, clip.source.path, clip.signer, *clip.glosses, clip.translation):
        if SURROGATE.search(text):
            return f"{text!r} is not UTF-8: rename it"
    if not clip.id.strip():
        return f"clip {clip.id!r} has an empty id"
    if "/" in clip.id or CONTROL.search(clip.id):
        return f"clip {clip.id[:80]!r}: an id must not contain '/', tab, NUL or similar characters"
    if len(clip.id) > LONGEST_ID:
        return f"clip {clip.id[:40]!r}…: an id of {len(clip.id)} characters; at most {LONGEST_ID} are allowed"
    if CONTROL.search(clip.signer) or any(map(NO_GLOSS.search, clip.glosses)):
        return f"clip {clip.id}: a tab, NUL or similar character in signer or glosses"
    if "\0" in clip.translation:
        return f"clip {clip.id}: NUL in its translation"
    return ""


def _skip_left_out(listing: Listing, signers: Collection[str]) -> dict[str, str]:
    """Leave out the clips of signers who were taken out of the store; returns these, each with its signer."""
    if signers:
        log.info("left out, as signers who were taken out of this store: %s", ", ".join(sorted(signers)))
    gone = {clip.id: clip.signer for clip in listing.clips if clip.signer in signers}
    for clip, signer in gone.items():
        listing.skipped[clip] = left_out_reason(signer)
        for splits in listing.divisions.values():
            splits.pop(clip, None)
    return gone


def _stamped(
    clips: Sequence[Clip], root: Path, media: Path | None, cache: Path, unreadable: Collection[Path]
) -> list[Clip]:
    """The clips with their origins and stamps; a recording that cannot be examined gets no stamp.

    Args:
        root: folder or archive of the corpus.
        media: the folder of recordings outside the corpus, if there is one.
        cache: the folder for the lists of archives.
        unreadable: roots that cannot be opened.
    """
    sources = [clip.source for clip in clips]
    trees = {root: open_tree(root, cache) for root in {source.root for source in sources}.difference(unreadable)}
    found = fingerprints((trees[source.root], source.path) for source in sources if source.root in trees)
    located = []
    for clip, source in zip(clips, sources, strict=True):
        stamp = found.get((source.root, source.path), "")
        if stamp and source.fps:
            stamp = f"{stamp} at {source.fps:g}"  # the frame rate belongs to the stored frames
        origin = origin_of(source, root, media)
        located.append(replace(clip, source=replace(source, stamp=stamp), origin=origin))
    return located
