"""Makes a store from a corpus: plan from its tables, encode into a cache, check the result, write the files.

The cache is kept after interruptions and errors, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, read_receipt, renew, write_receipt
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.assemble import write_store
from sla_cli.prep.division import unseen_of
from sla_cli.prep.encode_missing import encode_missing
from sla_cli.prep.order import Order
from sla_cli.prep.plan import Plan
from sla_cli.prep.prepare import Prepared, prepare
from sla_cli.prep.process_pool import Executor
from sla_cli.prep.result import BrokenClips, PrepResult
from sla_cli.prep.resume import begin
from sla_cli.prep.stamps import stamped
from sla_cli.store.content import SplitHeader
from sla_cli.store.paths import borrowers


def build_store(order: Order, out: Path, engine: Executor) -> PrepResult:
    """Make a store of all splits of a corpus; clips that an interrupted or failed attempt encoded are used.

    Args:
        out: the store's folder.

    Raises:
        SlaError: the corpus does not exist, `out` was made with other settings or from recordings that have changed
            since and `order.force` is off, or another process is writing it.
        BrokenClips: clips cannot be read, and `order.on_error` is stop.
    """
    out = out.resolve()
    with locked(out, f"another process is writing {out}"):
        found = prepare(order, out)
        order, cache, old = found.order, found.cache, found.old
        plan = found.plan.with_clips(stamped(found.plan.clips, out, found.unreadable))
        changed = [clip.id for clip in plan.clips if not found.serves(clip)]
        if old is not None and not changed and found.is_whole(old):
            log.info("%s is up to date", out)
            shutil.rmtree(cache.folder, ignore_errors=True)
            if (sources := old.sources | found.receipt.sources) != old.sources:  # the corpus was moved
                old.sources = sources
                renew(old, out)
            return _result(old)
        if old is not None:
            _refuse_changes(found, old, changed)
        replaced = read_receipt(out) if order.force else None
        same = replaced is not None and replaced.fingerprint == found.receipt.fingerprint
        again = same and not changed and found.lender is None  # all frames are encoded again
        begin(out, order.recipe, order.arguments(replaced.finished if again and replaced else ""))
        ready = {} if again else found.ready(plan.clips)
        encoded, failed, number = encode_missing(plan.clips, ready, found.unreadable, cache, engine)
        if failed and order.on_error == "stop":
            raise BrokenClips(failed, len(plan.clips))
        if order.force and (lent := borrowers(out)):
            warning = "%s is used by %s for frames: make them again too if their frames are refused"
            log.warning(warning, out, some(path.name for path in lent))
        result = write_store(out, _header(found, plan), plan, encoded, failed, cache, engine)
        result.encoded, result.reused = number, len(encoded) - number
        found.receipt.results = asdict(result)
        write_receipt(found.receipt, out)
        shutil.rmtree(cache.folder)
    return result


def encode_part(order: Order, out: Path, engine: Executor, part: tuple[int, int]) -> PrepResult:
    """Encode the k-th of n parts of the clips, k from 1, without writing a store.

    Parts may run at the same time, on several machines; `build_store` then uses what they encoded.

    Raises:
        SlaError: as for `build_store`, and if `order.force` is on.
        BrokenClips: clips of the part cannot be read; the others are kept.
    """
    number, parts = part
    if order.force:
        raise SlaError("a part cannot replace an existing store", "Remove the store, or make it without --part.")
    out = out.resolve()
    with locked(out, f"another process is writing {out}", shared=True):
        found = prepare(order, out, alone=False)
        clips = found.plan.clips
        # Neighbours stay together: they often belong to one recording.
        clips = stamped(clips[len(clips) * (number - 1) // parts : len(clips) * number // parts], out, found.unreadable)
        begin(out, found.order.recipe, found.order.arguments(""))
        encoded, failed, count = encode_missing(clips, found.ready(clips), found.unreadable, found.cache, engine)
    if failed:
        raise BrokenClips(failed, len(clips), part=True)
    return PrepResult(skipped=found.plan.skipped, encoded=count, reused=len(encoded) - count)


def _refuse_changes(found: Prepared, old: Receipt, changed: Sequence[str]) -> None:
    """Raise SlaError if an up-to-date store would get other frames without --force.

    This does not concern clips that failed or were incomplete: they are encoded again.
    """
    repaired = old.results["failed"].keys() | old.results.get("incomplete", {}).keys()
    if other := [clip for clip in changed if clip not in repaired]:
        message = f"the recordings of {counted(len(other), 'clip')} changed since {found.out} was made: {some(other)}"
        raise SlaError(message, "Use --force to encode them again.")
    if moved := [clip for clip in found.moved(old) if clip not in repaired]:
        clips = counted(len(moved), f"clip of {found.out} is", f"clips of {found.out} are")
        message = f"{clips} at other places in the corpus than when it was made: {some(moved)}"
        raise SlaError(message, "Use --force to encode them again. An archive and its unpacked folder are two places.")


def _result(receipt: Receipt) -> PrepResult:
    """The result from the receipt of a store, also of an earlier version; nothing was encoded now."""
    known = {key: value for key, value in receipt.results.items() if key in PrepResult.__dataclass_fields__}
    return PrepResult(**known | {"encoded": 0, "reused": sum(receipt.results["clips"].values())})


def _header(found: Prepared, plan: Plan) -> SplitHeader:
    """What all splits share; its frame rate is for splits in which no clip has its own."""
    order, corpus = found.order, found.order.corpus
    drawn = bool(order.division.split_by)
    return SplitHeader(
        corpus=corpus.name,
        split="",
        **order.form,
        fps=corpus.fps or 0.0,
        vocabulary=plan.vocabulary,
        labels=found.labels.name,
        protocol="-".join(filter(None, (order.wanted.protocol, order.drawn))),
        recipe=order.recipe,
        profile=corpus.profile,
        preset=corpus.preset,
        unseen=unseen_of(order.division) if drawn else corpus.unseen.get(order.wanted.protocol, ""),
    )
