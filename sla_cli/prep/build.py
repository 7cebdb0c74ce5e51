"""Corpus to store: encode clips in parallel into a spool, then write each split file from it.

The spool holds one small file a clip, renamed when whole, so a kill costs the clips in work and nothing else;
it is removed when every clip is in the store.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Clip
from sla_cli.core.ctc import feasible, minimum_steps
from sla_cli.errors import SlaError
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.receipt import Receipt, already_made, digest_bytes, digest_file, receipt_path, write_receipt
from sla_cli.formats.store import Encoded, SplitHeader, split_path, write_split
from sla_cli.log import log, progress
from sla_cli.prep.frames import FrameError, encode_frames

STRIDE = 4  # of the lineage's temporal head; what training clips are checked against


@dataclass
class Outcome:
    """What became of the clips.

    Attributes:
        clips: split to number of clips in the store.
        skipped: train clip id to the reason why it was left out on purpose.
        failed: clip id to the error that keeps it out until the source is mended.
    """

    clips: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def build_store(
    corpus: ModuleType, source: Path, out: Path, config: PrepConfig, *, jobs: int = 0, force: bool = False
) -> Outcome:
    """Make a store of all splits of a corpus; what an interrupted or failed attempt encoded is kept and used.

    Args:
        corpus: a module of prep.corpora.
        jobs: processes; 0 takes one a core.

    Raises:
        SlaError: the corpus is not there, or `out` was made with other settings and `force` is off.
    """
    tables = corpus.tables(source)
    receipt = Receipt(
        "prep",
        {"corpus": corpus.NAME, "source": str(source.resolve()), **asdict(config)},
        {path.name: digest_file(path) for path in tables.values()},
    )
    old = already_made(out, receipt, force=force)
    if old is not None and not old.results["failed"]:
        log.info("%s is up to date", out)
        return Outcome(**old.results)
    spool = out / f".spool-{receipt.fingerprint}"
    for stale in out.glob(".spool-*"):
        if force or stale != spool:
            shutil.rmtree(stale)
    outcome = Outcome()
    plans = {split: _plan(corpus, source, split, outcome) for split in tables}
    vocabulary = tuple(sorted({gloss for clip in plans["train"] for gloss in clip.glosses}))
    for split, clips in plans.items():
        outcome.failed.update(_encode_all(split, clips, spool, config, jobs))
    receipt_path(out).unlink(missing_ok=True)  # from here to the new receipt the store is not complete
    for split, clips in plans.items():
        good = [clip for clip in clips if clip.id not in outcome.failed]
        header = SplitHeader(corpus.NAME, split, config.size, corpus.FPS, config.quality, vocabulary)
        _assemble(split_path(out, split), header, good, spool)
        outcome.clips[split] = len(good)
    receipt.results = asdict(outcome)
    write_receipt(receipt, out)
    if not outcome.failed:
        shutil.rmtree(spool)
    return outcome


def _plan(corpus: ModuleType, source: Path, split: str, outcome: Outcome) -> list[Clip]:
    """Clips to be stored. In train, those that CTC cannot align are left out, with the reason."""
    clips: list[Clip] = []
    seen: set[str] = set()
    for clip in corpus.clips(source, split):
        if clip.id in seen:
            raise SlaError(f"{corpus.tables(source)[split]}: clip {clip.id} is listed twice")
        seen.add(clip.id)
        steps, needed = -(-clip.length // STRIDE), minimum_steps(clip.glosses)
        if split == "train" and not feasible(steps, clip.glosses):
            reason = f"{clip.length} frames are {steps} steps at stride {STRIDE}, {needed} are needed for its glosses"
            outcome.skipped[clip.id] = reason
            log.warning("skipping train clip %s: %s", clip.id, reason)
            continue
        clips.append(clip)
    if not clips:
        raise SlaError(f"{corpus.tables(source)[split]} lists no usable clip")
    return clips


def _encode_all(split: str, clips: Sequence[Clip], spool: Path, config: PrepConfig, jobs: int) -> dict[str, str]:
    """Bring every clip into the spool. Returns clip id to error for those whose frames cannot be read."""
    missing = [clip for clip in clips if not _spooled(spool, clip).is_file()]
    if len(missing) < len(clips):
        log.info("%s: %d of %d clips were encoded before", split, len(clips) - len(missing), len(clips))
    failed: dict[str, str] = {}
    if not missing:
        return failed
    context = multiprocessing.get_context("spawn")
    workers = min(jobs or os.cpu_count() or 1, len(missing))
    with (
        progress(f"prep {split}", len(missing)) as advance,
        ProcessPoolExecutor(workers, context, initializer=cv2.setNumThreads, initargs=(1,)) as pool,
    ):
        tasks = {pool.submit(_encode, clip, spool, config): clip.id for clip in missing}
        try:
            for task in as_completed(tasks):
                if error := task.result():
                    failed[tasks[task]] = error
                    log.error("clip %s: %s", tasks[task], error)
                advance()
        except BrokenProcessPool as error:
            raise SlaError("a worker process died (out of memory?)", "Run again: finished clips are kept.") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    return failed


def _encode(clip: Clip, spool: Path, config: PrepConfig) -> str | None:
    """In a worker: one clip into the spool. Returns the error where a frame cannot be read."""
    try:
        data, sizes = encode_frames(clip.source, config)
    except FrameError as error:
        return error.message
    with atomic_write(_spooled(spool, clip)) as temporary, temporary.open("wb") as file:
        np.savez(file, data=data, sizes=sizes)  # holds checksums, verified when read
    return None


def _spooled(spool: Path, clip: Clip) -> Path:
    """Where a clip lies in the spool: ids are data and may be anything, so their digest is the name."""
    return spool / f"{clip.split}-{digest_bytes(clip.id.encode())}.npz"


def _assemble(path: Path, header: SplitHeader, clips: Sequence[Clip], spool: Path) -> None:
    """Write a split file from the spool, a clip at a time."""

    def encoded() -> Iterator[Encoded]:
        for clip in clips:
            with np.load(_spooled(spool, clip)) as arrays:
                yield Encoded(clip.id, clip.signer, clip.glosses, arrays["data"], arrays["sizes"])

    total = 0
    for clip in clips:
        with np.load(_spooled(spool, clip)) as arrays:
            total += int(arrays["sizes"].sum())
    write_split(path, header, encoded(), total)
