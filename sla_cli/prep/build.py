"""Makes a store from a corpus: plan from its tables, encode into a cache, check the result, write the files.

The cache is kept after interruptions and errors, and is removed when the files are written.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path

from sla_cli.artifact.lock import locked_while_made
from sla_cli.artifact.receipt import Receipt, receipt_path, renew, write_receipt
from sla_cli.config.checks import read_values
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.prep.assemble import write_store
from sla_cli.prep.begun import Begun, begin, cache_folder
from sla_cli.prep.encoding.cache import EncodingCache
from sla_cli.prep.encoding.encode_missing import encode_missing
from sla_cli.prep.encoding.process_pool import Executor
from sla_cli.prep.other_files import check_clips_files, refuse_other_artifact
from sla_cli.prep.plan import Plan, make_plan
from sla_cli.prep.result import BrokenClips, PrepResult
from sla_cli.prep.reuse import find_existing
from sla_cli.store.division import check_unedited
from sla_cli.store.paths import check_store_name
from sla_cli.system.atomic import remove_folder
from sla_cli.work.output import check_folder


def build_store(begun: Begun, out: Path, engine: Executor, part: tuple[int, int] | None = None) -> PrepResult:
    """Make a store of a corpus; clips that an interrupted or failed attempt encoded are used.

    Args:
        out: the store's folder.
        part: encode only the k-th of n parts of the clips, k from 1, without writing a store. Parts may run at the same
            time, on several machines; a last call without it uses what they encoded.

    Raises:
        SlaError: the corpus does not exist, no store may have this name, `out` is another artifact or in one, or was
            made with other settings or from recordings that have changed since and `begun.force` is off, another
            process is writing it, or a part would replace a store.
        BrokenClips: clips cannot be read, and `begun.on_error` is stop, or `part` is given; the others are kept.
    """
    if part is not None and begun.force:
        raise SlaError("--part and --force do not go together", "Run it once with --force and without --part.")
    request = begun.request
    out = out.resolve()
    check_store_name(out)
    check_folder(out.parent)
    with locked_while_made(out, f"another process is writing {out}", shared=part is not None):
        refuse_other_artifact(out)
        plan = make_plan(request, out, part)
        found = find_existing(out, plan, force=begun.force)
        if found.made is not None:
            return _of_existing(found.made, out, plan, part)
        check_clips_files(out)
        check_unedited(out, [division.name for division in plan.divisions], "corpus")
        folder = begin(out, begun)
        cache = EncodingCache(folder, request.frames, request.corpus.fps, request.corpus.first)
        encoded, failed, number = encode_missing(plan.clips, found.ready, plan.unreadable, cache, engine)
        if failed and (part is not None or begun.on_error == "stop"):
            raise BrokenClips(failed, len(plan.clips), part=part is not None)
        reused = len(encoded) - number
        if part is not None:
            return PrepResult(skipped=plan.skipped, encoded=number, reused=reused)
        result = write_store(out, plan, encoded, failed, request.frames, engine)
        result.encoded, result.reused = number, reused
        plan.receipt.results = asdict(result)
        del plan.receipt.results["store"]  # it may be moved
        write_receipt(plan.receipt, out)
        remove_folder(folder)
    return result


def _of_existing(made: Receipt, out: Path, plan: Plan, part: tuple[int, int] | None) -> PrepResult:
    """The result for a store that is up to date: nothing was encoded."""
    if part is not None:
        return PrepResult(skipped=plan.skipped, reused=len(plan.clips))
    log.info("%s is up to date", out)
    shutil.rmtree(cache_folder(out, plan.header.recipe), ignore_errors=True)
    if not plan.receipt.sources.items() <= made.sources.items():  # the corpus was moved
        made.sources |= plan.receipt.sources
        renew(made, out)
    result = read_values(PrepResult, made.results, receipt_path(out))
    return replace(result, encoded=0, reused=result.clips)
