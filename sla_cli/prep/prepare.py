"""What prep determines before it encodes: the wanted clips, and which of them exist already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sla_cli.artifact.legacy import made_before_encoders
from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, already_made, read_receipt
from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.cache import EncodedClip, EncodingCache
from sla_cli.prep.corpus import Listing
from sla_cli.prep.division import divide
from sla_cli.prep.labels import Labels, find_labels
from sla_cli.prep.lend import Lender
from sla_cli.prep.order import Order
from sla_cli.prep.plan import Plan, choose_protocol, make_plan
from sla_cli.prep.resume import ARGUMENTS, cache_folder, read_arguments
from sla_cli.prep.write import stored_clips
from sla_cli.video.source import list_archives


@dataclass(frozen=True)
class Prepared:
    """A corpus that was read, and the existing parts of its store.

    Attributes:
        order: with absolute paths and the name of its protocol.
        receipt: receipt of the store to be made, without results.
        old: receipt of the existing store, if it has the same settings and tables and is not to be replaced.
        finished: by origin the clips in its files, with the same recipe.
        lender: the store whose frames are used.
        unreadable: folders and archives that cannot be opened, with the reason: their clips fail.
        same_place: whether the corpus is where it was when the store was made or begun.
    """

    order: Order
    out: Path
    labels: Labels
    plan: Plan
    receipt: Receipt
    old: Receipt | None
    cache: EncodingCache
    finished: Mapping[str, EncodedClip]
    lender: Lender | None
    unreadable: Mapping[Path, SlaError]
    same_place: bool

    def serves(self, clip: Clip) -> bool:
        """Whether the stored frames of a clip, if there are any, were made from its recording as it is now."""
        there = self.finished.get(self.cache.origin(clip.source))
        return there is None or there.serves(clip.source)

    def is_whole(self, receipt: Receipt) -> bool:
        """Whether the store is complete. Clips of a store of an earlier version cannot be looked up."""
        results = receipt.results
        if results["failed"] or not all((self.out / name).is_file() for name in results["files"]):
            return False
        origins = (self.cache.origin(clip.source) for clip in self.plan.clips)
        return "encoder" not in receipt.arguments or all(origin in self.finished for origin in origins)

    def moved(self, receipt: Receipt) -> list[str]:
        """Ids of planned clips that no file of the store has, though all its clips can be looked up."""
        if "encoder" not in receipt.arguments or len(self.finished) < sum(receipt.results["clips"].values()):
            return []
        return [clip.id for clip in self.plan.clips if self.cache.origin(clip.source) not in self.finished]

    def ready(self, clips: Sequence[Clip]) -> dict[str, EncodedClip]:
        """By id the clips whose frames exist in the store, or in another one that may be used.

        A recording that cannot be examined counts as unchanged only if the corpus is where it was: another corpus may
        have another recording of that name.
        """
        found = {}
        for clip in clips:
            origin = self.cache.origin(clip.source)
            there = self.finished.get(origin) if clip.source.stamp or self.same_place else None
            if (there is None or not there.serves(clip.source)) and self.lender is not None:
                there = self.lender.find(origin, clip.source, self.cache.root)
            if there is not None and there.serves(clip.source):
                found[clip.id] = there
        return found


def prepare(order: Order, out: Path, *, alone: bool = True) -> Prepared:
    """Read the corpus, and find the existing parts of the store.

    Args:
        alone: whether no other process reads the corpus for the same store at the same time.

    Raises:
        SlaError: the corpus does not exist, or `out` is something else and `order.force` is off.
    """
    order = _resolved(order)
    labels = find_labels(order.config.labels, order.corpus.labels)
    lender = None if order.frames_from is None else Lender(order.frames_from, order.recipe, out)
    with _listing_once(cache_folder(out, order.recipe), alone=alone):
        tree = order.corpus.open(order.source, out)
        listing = order.corpus.read(tree, order.wanted)
        unreadable = list_archives((clip.source.root for clip in listing.clips), out)
    if order.division.split_by:
        _divide(listing, order)
    receipt = order.receipt(labels, listing.tables, tree.root)
    media = Path(order.wanted.media) if order.wanted.media else None
    folder = cache_folder(out, order.recipe)
    return Prepared(
        order=order,
        out=out,
        labels=labels,
        old=_already_made(out, receipt, force=order.force),
        plan=make_plan(listing, labels),
        receipt=receipt,
        cache=EncodingCache(folder, tree.root, order.config, order.corpus.fps, order.corpus.first, media),
        finished=stored_clips(out, order.recipe),
        lender=lender,
        unreadable=unreadable,
        same_place=_same_place(out, folder, order, tree.root),
    )


def _same_place(out: Path, folder: Path, order: Order, root: Path) -> bool:
    made = read_receipt(out)
    if made is not None:
        return made.sources.get("source") == str(root)
    return (folder / ARGUMENTS).is_file() and Path(read_arguments(folder).source) == order.source


def _resolved(order: Order) -> Order:
    """The order with absolute paths, and the name of the protocol."""
    protocol = choose_protocol(order.corpus, order.wanted.protocol)
    media = str(Path(order.wanted.media).resolve()) if order.wanted.media else ""
    wanted = replace(order.wanted, protocol=protocol, media=media)
    lender = order.frames_from.resolve() if order.frames_from is not None else None
    return replace(order, source=order.source.resolve(), wanted=wanted, frames_from=lender)


@contextmanager
def _listing_once(folder: Path, *, alone: bool) -> Iterator[None]:
    """For parts that begin together: only the first lists an archive, the others read its list."""
    if alone:
        yield
        return
    with locked(folder, "another part is reading the corpus", wait=True):
        yield


def _divide(listing: Listing, order: Order) -> None:
    """Give the clips their splits; clips without glosses are in none."""
    listing.clips, unlabelled = divide(listing.clips, order.division, order.corpus.profile)
    listing.skipped |= unlabelled
    listing.annotated = {clip.split for clip in listing.clips}


def _already_made(out: Path, receipt: Receipt, *, force: bool) -> Receipt | None:
    """The receipt of the existing store, if it has these settings and tables. Raises SlaError otherwise."""
    there = None if force else read_receipt(out)
    if there is not None and made_before_encoders(there, receipt):
        unknown = "which did not record fingerprints of recordings; --force reads them again"
        log.warning("%s was made by an earlier version of sla, %s", out, unknown)
        return there
    return already_made(out, receipt, force=force)
