"""Makes a store from a corpus: plan from its tables, encode into a cache, check the result, write the files.

The cache is kept after interruptions and errors, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

from sla_cli.artifact.lock import locked
from sla_cli.artifact.receipt import receipt_path, renew, write_receipt
from sla_cli.config.checks import read_values
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.assemble import write_store
from sla_cli.prep.begun import Begun, begin, cache_folder
from sla_cli.prep.encoding.cache import EncodingCache
from sla_cli.prep.encoding.encode_missing import encode_missing
from sla_cli.prep.encoding.process_pool import Executor
from sla_cli.prep.plan import make_plan
from sla_cli.prep.result import BrokenClips, PrepResult
from sla_cli.prep.reuse import find_existing


def build_store(begun: Begun, out: Path, engine: Executor) -> PrepResult:
    """Make a store of a corpus; clips that an interrupted or failed attempt encoded are used.

    Args:
        out: the store's folder.

    Raises:
        SlaError: the corpus does not exist, `out` was made with other settings or from recordings that have changed
            since and `begun.force` is off, or another process is writing it.
        BrokenClips: clips cannot be read, and `begun.on_error` is stop.
    """
    request = begun.request
    out = out.resolve()
    with locked(out, f"another process is writing {out}"):
        plan = make_plan(request, out)
        found = find_existing(out, plan, force=begun.force)
        if found.made is not None:
            log.info("%s is up to date", out)
            shutil.rmtree(cache_folder(out, request.recipe), ignore_errors=True)
            if not plan.receipt.sources.items() <= found.made.sources.items():  # the corpus was moved
                found.made.sources |= plan.receipt.sources
                renew(found.made, out)
            made = read_values(PrepResult, found.made.results, receipt_path(out))
            return replace(made, encoded=0, reused=made.clips)
        folder = begin(out, replace(begun, replaces=found.replaces))
        cache = EncodingCache(folder, request.frames, request.corpus.fps, request.corpus.first)
        encoded, failed, number = encode_missing(plan.clips, found.ready, plan.unreadable, cache, engine)
        if failed and begun.on_error == "stop":
            raise BrokenClips(failed, len(plan.clips))
        result = write_store(out, plan, encoded, failed, request.frames, engine)
        result.encoded, result.reused = number, len(encoded) - number
        plan.receipt.results = asdict(result)
        write_receipt(plan.receipt, out)
        shutil.rmtree(folder)
    return result


def encode_part(begun: Begun, out: Path, engine: Executor, part: tuple[int, int]) -> PrepResult:
    """Encode the k-th of n parts of the clips, k from 1, without writing a store.

    Parts may run at the same time, on several machines; `build_store` then uses what they encoded.

    Raises:
        SlaError: as for `build_store`, and if `begun.force` is on.
        BrokenClips: clips of the part cannot be read; the others are kept.
    """
    if begun.force:
        raise SlaError("a part cannot replace an existing store", "Remove the store, or make it without --part.")
    request = begun.request
    out = out.resolve()
    with locked(out, f"another process is writing {out}", shared=True):
        plan = make_plan(request, out, part)
        found = find_existing(out, plan, force=False)
        if found.made is not None:  # the store is complete
            return PrepResult(skipped=plan.skipped, reused=len(plan.clips))
        folder = begin(out, begun)
        cache = EncodingCache(folder, request.frames, request.corpus.fps, request.corpus.first)
        encoded, failed, count = encode_missing(plan.clips, found.ready, plan.unreadable, cache, engine)
    if failed:
        raise BrokenClips(failed, len(plan.clips), part=True)
    return PrepResult(skipped=plan.skipped, encoded=count, reused=len(encoded) - count)
