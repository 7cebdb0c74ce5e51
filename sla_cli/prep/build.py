"""Corpus to store: plan from its tables, encode into a cache, check what came out, write the files.

The cache survives kills and failures, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError, some
from sla_cli.formats.legacy import made_before_encoders
from sla_cli.formats.lock import locked
from sla_cli.formats.receipt import Receipt, already_made, read_receipt, renew, write_receipt
from sla_cli.formats.store_file import SplitHeader
from sla_cli.log import log
from sla_cli.prep.assemble import write_store
from sla_cli.prep.cache import EncodedClip, EncodingCache, encode_all
from sla_cli.prep.division import divide, unseen_of
from sla_cli.prep.labels import Labels, find_labels
from sla_cli.prep.lend import Lender
from sla_cli.prep.order import Order
from sla_cli.prep.plan import Plan, choose_protocol, make_plan
from sla_cli.prep.process_pool import Executor
from sla_cli.prep.result import BrokenClips, PrepResult
from sla_cli.prep.resume import begin, cache_folder
from sla_cli.prep.stamps import stamped
from sla_cli.prep.write import stored_clips
from sla_cli.video.tree import Tree


def build_store(order: Order, out: Path, engine: Executor, *, part: tuple[int, int] | None = None) -> PrepResult:
    """Make a store of all splits of a corpus; what an interrupted or failed attempt encoded is kept and used.

    Args:
        out: the store's folder.
        part: (k, n), k from 1 to n: encode the k-th of n parts of the clips only, and write no store. Parts may run
            at the same time; a last call without a part writes the store.

    Raises:
        SlaError: the corpus is not there, `out` was made with other settings or of recordings that were changed since
            and `order.force` is off, or another process is writing it.
        BrokenClips: clips cannot be read, and `order.on_error` is stop.
    """
    order, out = _resolved(order), out.resolve()
    labels = find_labels(order.config.labels, order.corpus.labels)
    if part is not None and order.force:
        raise SlaError("a part of a store replaces nothing", "Remove the store, or make it without --part.")
    lender = None if order.frames_from is None else Lender(order.frames_from, order.recipe, out)
    with locked(out, f"another process is writing {out}", shared=part is not None):
        tree = order.corpus.open(order.source, out)
        listing = order.corpus.read(tree, order.wanted)
        if order.division.split_by:
            listing.clips, unlabelled = divide(listing.clips, order.division, order.corpus.profile)
            listing.skipped |= unlabelled
            listing.annotated = {clip.split for clip in listing.clips}
        receipt = order.receipt(labels, listing.tables, tree.root)
        old = _already_made(out, receipt, force=order.force)
        listing.clips = stamped(listing.clips, out)
        plan = make_plan(listing, labels)
        cache = _cache(order, tree, cache_folder(out, order.recipe))
        finished = stored_clips(out, order.recipe)
        changed = [clip.id for clip in plan.clips if not _serves(finished, clip, cache)]
        if old is not None and not changed and _is_whole(old, out, plan, finished, cache):
            log.info("%s is up to date", out)
            shutil.rmtree(cache.folder, ignore_errors=True)
            if (sources := old.sources | receipt.sources) != old.sources:  # the corpus was moved
                old.sources = sources
                renew(old, out)
            return _result(old)
        if old is not None and changed and not old.results["failed"] and not old.results.get("incomplete"):
            raise SlaError(
                f"the recordings of {len(changed)} clips changed since {out} was made: {some(changed)}",
                "Use --force to encode them again.",
            )
        replaced = read_receipt(out) if order.force else None
        same = replaced is not None and replaced.fingerprint == receipt.fingerprint
        again = same and not changed and lender is None
        begin(out, order.recipe, order.arguments(replaced.finished if again and replaced else ""))
        ready = {} if again else _ready(plan.clips, finished, lender, cache)
        clips = plan.clips if part is None else _part(plan.clips, *part)
        encoded, failed, number = _encode_missing(clips, ready, cache, engine)
        if failed and (order.on_error == "stop" or part is not None):
            raise BrokenClips(failed, len(clips), part=part is not None)
        if part is not None:
            return PrepResult(skipped=plan.skipped, encoded=number, reused=len(encoded) - number)
        result = write_store(out, _header(order, plan, labels), plan, encoded, failed, cache, engine)
        result.encoded, result.reused = number, len(encoded) - number
        receipt.results = asdict(result)
        write_receipt(receipt, out)
        shutil.rmtree(cache.folder)
    return result


def _resolved(order: Order) -> Order:
    """With absolute paths, the protocol's name, and what frames of another store are like."""
    protocol = choose_protocol(order.corpus, order.wanted.protocol)
    media = str(Path(order.wanted.media).resolve()) if order.wanted.media else ""
    wanted = replace(order.wanted, protocol=protocol, media=media)
    lender = order.frames_from.resolve() if order.frames_from is not None else None
    return replace(order, source=order.source.resolve(), wanted=wanted, frames_from=lender)


def _already_made(out: Path, receipt: Receipt, *, force: bool) -> Receipt | None:
    """The receipt of the store that is there, if it is of these settings and tables. Raises SlaError otherwise."""
    there = None if force else read_receipt(out)
    if there is not None and made_before_encoders(there, receipt):
        message = (
            "%s was made by an earlier version of sla, which did not note what recordings were like; --force reads"
        )
        log.warning(f"{message} them again", out)
        receipt.fingerprint = there.fingerprint
        return there
    return already_made(out, receipt, force=force)


def _cache(order: Order, tree: Tree, folder: Path) -> EncodingCache:
    media = Path(order.wanted.media) if order.wanted.media else None
    return EncodingCache(folder, tree.root, order.config, order.corpus.fps, order.corpus.first, media)


def _serves(finished: Mapping[str, EncodedClip], clip: Clip, cache: EncodingCache) -> bool:
    """Whether what is stored of a clip, if anything is, was made of its recording as it is now."""
    found = finished.get(cache.origin(clip.source))
    return found is None or found.serves(clip.source)


def _is_whole(
    receipt: Receipt, out: Path, plan: Plan, finished: Mapping[str, EncodedClip], cache: EncodingCache
) -> bool:
    """Whether a store lacks nothing that it should hold. Clips of an earlier version's store cannot be looked up."""
    if receipt.results["failed"] or not all((out / name).is_file() for name in receipt.results["files"]):
        return False
    return "encoder" not in receipt.arguments or all(cache.origin(clip.source) in finished for clip in plan.clips)


def _result(receipt: Receipt) -> PrepResult:
    """As the receipt of a store has it, of an earlier version too; nothing was encoded now."""
    known = {key: value for key, value in receipt.results.items() if key in PrepResult.__dataclass_fields__}
    return PrepResult(**known | {"encoded": 0, "reused": sum(receipt.results["clips"].values())})


def _ready(
    clips: Sequence[Clip], finished: Mapping[str, EncodedClip], lender: Lender | None, cache: EncodingCache
) -> dict[str, EncodedClip]:
    """By id the clips whose frames the store has, or another one lends."""
    found = {}
    for clip in clips:
        origin = cache.origin(clip.source)
        own = finished.get(origin)
        if own is not None and own.serves(clip.source):
            found[clip.id] = own
        elif lender is not None and (lent := lender.find(origin, clip.source, cache.root)) is not None:
            found[clip.id] = lent
    return found


def _part(clips: Sequence[Clip], number: int, parts: int) -> Sequence[Clip]:
    """Neighbours stay together: they often lie in one recording."""
    return clips[len(clips) * (number - 1) // parts : len(clips) * number // parts]


def _encode_missing(
    clips: Sequence[Clip], ready: Mapping[str, EncodedClip], cache: EncodingCache, engine: Executor
) -> tuple[dict[str, EncodedClip], dict[str, str], int]:
    """All clips that can be stored by id, what is wrong with the others, and how many were encoded now."""
    wanted = [clip for clip in clips if clip.id not in ready or cache.path(clip.source).is_file()]
    before = sum(cache.path(clip.source).is_file() for clip in wanted)
    encoded, failed = encode_all(wanted, cache, engine)
    reused = {clip.id: ready[clip.id] for clip in clips if clip.id in ready and clip.id not in failed}
    # What is in the cache is newer than what a finished file has.
    return {**reused, **encoded}, failed, max(0, len(encoded) - before)


def _header(order: Order, plan: Plan, labels: Labels) -> SplitHeader:
    """What all splits share; its rate is for splits in which no clip knows its own."""
    corpus = order.corpus
    drawn = bool(order.division.split_by)
    return SplitHeader(
        corpus=corpus.name,
        split="",
        **order.form,
        fps=corpus.fps or 0.0,
        vocabulary=plan.vocabulary,
        labels=labels.name,
        protocol="-".join(filter(None, (order.wanted.protocol, order.drawn))),
        recipe=order.recipe,
        profile=corpus.profile,
        preset=corpus.preset,
        unseen=unseen_of(order.division) if drawn else corpus.unseen.get(order.wanted.protocol, ""),
    )
