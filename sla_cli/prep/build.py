"""Makes a store from a corpus: plan from its tables, encode into a cache, check the result, write the files.

The cache is kept after interruptions and errors, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import Receipt, already_made, read_receipt, renew, write_receipt
from sla_cli.core.clip import Clip
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.log import log
from sla_cli.prep.assemble import write_store
from sla_cli.prep.begun import Begun, begin, cache_folder
from sla_cli.prep.encoding.cache import EncodingCache, FramesOnDisk
from sla_cli.prep.encoding.encode_missing import encode_missing
from sla_cli.prep.encoding.process_pool import Executor
from sla_cli.prep.plan import Plan, make_plan
from sla_cli.prep.result import BrokenClips, DivisionFigures, PrepResult
from sla_cli.prep.stamps import stamped
from sla_cli.prep.write import stored_frames


def build_store(begun: Begun, out: Path, engine: Executor) -> PrepResult:
    """Make a store of a corpus; clips that an interrupted or failed attempt encoded are used.

    Args:
        out: the store's folder.

    Raises:
        SlaError: the corpus does not exist, `out` was made with other settings or from recordings that have changed
            since and `begun.force` is off, or another process is writing it.
        BrokenClips: clips cannot be read, and `begun.on_error` is stop.
    """
    out = out.resolve()
    with locked(out, f"another process is writing {out}"):
        plan = make_plan(begun.request, out)
        old = already_made(out, plan.receipt, force=begun.force)
        stored = stored_frames(out, plan.header.recipe)
        clips = stamped(plan.clips, out, plan.unreadable)
        changed = [clip.id for clip in clips if clip.origin in stored and not stored[clip.origin].serves(clip.source)]
        if old is not None and not changed and _is_whole(out, old, clips, stored):
            return _up_to_date(out, old, plan)
        if old is not None:
            _refuse_changes(out, old, clips, changed, stored)
        replaces = _replaced(out, plan, begun, changed)
        cache = _cache(begun, out, replaces)
        ready = {} if replaces else _ready(clips, stored, same_place=_is_of(out, plan.root))
        encoded, failed, number = encode_missing(clips, ready, plan.unreadable, cache, engine)
        if failed and begun.on_error == "stop":
            raise BrokenClips(failed, len(clips))
        result = write_store(out, plan, clips, encoded, failed, cache, engine)
        result.encoded, result.reused = number, len(encoded) - number
        plan.receipt.results = asdict(result)
        write_receipt(plan.receipt, out)
        shutil.rmtree(cache.folder)
    return result


def encode_part(begun: Begun, out: Path, engine: Executor, part: tuple[int, int]) -> PrepResult:
    """Encode the k-th of n parts of the clips, k from 1, without writing a store.

    Parts may run at the same time, on several machines; `build_store` then uses what they encoded.

    Raises:
        SlaError: as for `build_store`, and if `begun.force` is on.
        BrokenClips: clips of the part cannot be read; the others are kept.
    """
    number, parts = part
    if begun.force:
        raise SlaError("a part cannot replace an existing store", "Remove the store, or make it without --part.")
    out = out.resolve()
    with locked(out, f"another process is writing {out}", shared=True):
        plan = make_plan(begun.request, out, alone=False)
        already_made(out, plan.receipt, force=False)
        # Neighbours stay together: they often belong to one recording.
        first, last = (len(plan.clips) * end // parts for end in (number - 1, number))
        clips = stamped(plan.clips[first:last], out, plan.unreadable)
        cache = _cache(begun, out, "")
        ready = _ready(clips, stored_frames(out, plan.header.recipe), same_place=_is_of(out, plan.root))
        encoded, failed, count = encode_missing(clips, ready, plan.unreadable, cache, engine)
    if failed:
        raise BrokenClips(failed, len(clips), part=True)
    return PrepResult(skipped=plan.skipped, encoded=count, reused=len(encoded) - count)


def _cache(begun: Begun, out: Path, replaces: str) -> EncodingCache:
    """The cache of this attempt, which also keeps its request."""
    request = begun.request
    folder = begin(out, Begun(request, begun.on_error, begun.force, replaces))
    return EncodingCache(folder, request.frames, request.corpus.fps, request.corpus.first)


def _replaced(out: Path, plan: Plan, begun: Begun, changed: Sequence[str]) -> str:
    """When the store was finished whose frames are all encoded again, "" if frames are reused.

    With --force, that is a store of the same settings and tables whose recordings have not changed.
    """
    there = read_receipt(out) if begun.force else None
    same = there is not None and there.fingerprint == plan.receipt.fingerprint and not changed
    return there.finished if same and there is not None else ""


def _is_of(out: Path, root: Path) -> bool:
    """Whether a store was made from a corpus at this place. A store that is not complete counts as such."""
    made = read_receipt(out)
    return made is None or made.sources.get("source") == str(root)


def _ready(clips: Sequence[Clip], stored: Mapping[str, FramesOnDisk], *, same_place: bool) -> dict[str, FramesOnDisk]:
    """By id the clips whose frames exist in the store.

    A recording that cannot be examined counts as unchanged only if the corpus is where it was: another corpus may have
    another recording of that name.
    """
    usable = (clip for clip in clips if clip.origin in stored and (clip.source.stamp or same_place))
    return {clip.id: stored[clip.origin] for clip in usable if stored[clip.origin].serves(clip.source)}


def _is_whole(out: Path, old: Receipt, clips: Sequence[Clip], stored: Mapping[str, FramesOnDisk]) -> bool:
    """Whether a store has all that was planned."""
    files = all((out / name).is_file() for name in old.results["files"])
    return files and not old.results["failed"] and all(clip.origin in stored for clip in clips)


def _up_to_date(out: Path, old: Receipt, plan: Plan) -> PrepResult:
    """The result of the existing store; nothing is encoded. Its receipt gets the present place of the corpus."""
    log.info("%s is up to date", out)
    shutil.rmtree(cache_folder(out, plan.header.recipe), ignore_errors=True)
    if (sources := old.sources | plan.receipt.sources) != old.sources:  # the corpus was moved
        old.sources = sources
        renew(old, out)
    divisions = {name: DivisionFigures(**figures) for name, figures in old.results["divisions"].items()}
    return PrepResult(**old.results | {"divisions": divisions, "encoded": 0, "reused": old.results["clips"]})


def _refuse_changes(
    out: Path, old: Receipt, clips: Sequence[Clip], changed: Sequence[str], stored: Mapping[str, FramesOnDisk]
) -> None:
    """Raise SlaError if an up-to-date store would get other frames without --force.

    This does not concern clips that failed or were incomplete: they are encoded again.
    """
    repaired = old.results["failed"].keys() | old.results["incomplete"].keys()
    if other := [clip for clip in changed if clip not in repaired]:
        message = f"the recordings of {counted(len(other), 'clip')} changed since {out} was made: {some(other)}"
        raise SlaError(message, "Use --force to encode them again.")
    if len(stored) < old.results["clips"]:
        return  # a file was lost, so clips cannot be looked up
    if moved := [clip.id for clip in clips if clip.origin not in stored and clip.id not in repaired]:
        number = counted(len(moved), f"clip of {out} is", f"clips of {out} are")
        message = f"{number} at other places in the corpus than when it was made: {some(moved)}"
        raise SlaError(message, "Use --force to encode them again. An archive and its unpacked folder are two places.")
