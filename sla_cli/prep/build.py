"""Corpus to store: encode clips in parallel into a spool, then write each split file from it.

The spool holds one small file a clip, renamed when whole, so a kill costs the clips in work and nothing else;
it is removed when every clip is in the store.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
import signal
import threading
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Clip
from sla_cli.core.ctc import feasible, minimum_steps
from sla_cli.errors import SlaError, some
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.receipt import Receipt, already_made, digest_bytes, digest_file, receipt_path, write_receipt
from sla_cli.formats.store import SPLITS, Encoded, SplitHeader, split_path, write_split
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
        SlaError: the corpus is not there, `out` was made with other settings and `force` is off, or another
            process is writing it.
    """
    tables = corpus.tables(source)
    receipt = Receipt(
        "prep",
        {"corpus": corpus.NAME, "source": str(source.resolve()), **asdict(config)},
        {path.name: digest_file(path) for path in tables.values()},
    )
    with _alone(out):
        old = already_made(out, receipt, force=force)
        if old is not None and _whole(out, old):
            log.info("%s is up to date", out)
            _remove_spools(out)
            return Outcome(**old.results)
        spool = out / f".spool-{receipt.fingerprint}"
        _remove_spools(out, keep=None if force else spool)
        outcome = Outcome()
        plans = {split: _plan(corpus, source, split, outcome) for split in tables}
        vocabulary = tuple(sorted({gloss for clip in plans["train"] for gloss in clip.glosses}))
        headers = {
            split: SplitHeader(corpus.NAME, split, config.size, corpus.FPS, config.quality, vocabulary)
            for split in tables
        }
        for split, clips in plans.items():
            outcome.failed.update(_encode_all(split, clips, spool, config, jobs))
        _write_store(out, headers, plans, spool, outcome)
        receipt.results = asdict(outcome)
        write_receipt(receipt, out)
        if not outcome.failed:
            _remove_spools(out)
    return outcome


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the store's lock: two processes at work on one store would take each other's files away."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise SlaError(f"another process is writing {out}", "Wait for it, or choose another --work folder.") from error


def _whole(out: Path, receipt: Receipt) -> bool:
    """Whether all clips are in and the files are still there."""
    return not receipt.results["failed"] and all(split_path(out, split).is_file() for split in receipt.results["clips"])


def _remove_spools(out: Path, keep: Path | None = None) -> None:
    for spool in out.glob(".spool-*"):
        if spool != keep:
            shutil.rmtree(spool)


def _plan(corpus: ModuleType, source: Path, split: str, outcome: Outcome) -> list[Clip]:
    """Clips to be stored. In train, those that CTC cannot align are left out, with the reason."""
    table = corpus.tables(source)[split]
    clips: list[Clip] = []
    seen: set[str] = set()
    for clip in corpus.clips(source, split):
        if not clip.id.isprintable() or not clip.id.strip():
            raise SlaError(f"{table}: clip id {clip.id!r} is empty or holds a tab or the like", "Mend the table.")
        if clip.id in seen:
            raise SlaError(f"{table}: clip {clip.id} is listed twice", "Remove one of the two lines.")
        seen.add(clip.id)
        steps, needed = -(-clip.length // STRIDE), minimum_steps(clip.glosses)
        if split == "train" and not feasible(steps, clip.glosses):
            reason = f"{clip.length} frames are {steps} steps at stride {STRIDE}, {needed} are needed for its glosses"
            outcome.skipped[clip.id] = reason
            log.warning("skipping train clip %s: %s", clip.id, reason)
            continue
        clips.append(clip)
    if not clips:
        raise SlaError(f"{table} lists no usable clip")
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
        ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool,
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


def _start_worker() -> None:
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    """A parent killed outright tells its pool nothing, and the workers would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


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
    """Where a clip lies in the spool: ids are data and may be anything, so their digest is the name.

    Folders are kept small, since each write looks through its own for leftovers.
    """
    digest = digest_bytes(clip.id.encode())
    return spool / clip.split / digest[:2] / f"{digest}.npz"


def _read_spooled(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path) as arrays:
            return arrays[name]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise SlaError(f"{path} is damaged: {error}", "Run again: its clip is encoded anew.") from error


def _write_store(
    out: Path, headers: dict[str, SplitHeader], plans: dict[str, list[Clip]], spool: Path, outcome: Outcome
) -> None:
    """Write the split files from the spool, a clip at a time; from the first on, the store is not complete."""
    good = {split: [clip for clip in clips if clip.id not in outcome.failed] for split, clips in plans.items()}
    for split, clips in good.items():
        if not clips:
            raise SlaError(f"no clip of {split} can be read: {some(outcome.failed.values(), 1)}", "Mend the files.")
    receipt_path(out).unlink(missing_ok=True)
    for split in SPLITS:
        if split not in good:
            split_path(out, split).unlink(missing_ok=True)  # of a store that had more splits
    for split, clips in good.items():
        _assemble(split_path(out, split), headers[split], clips, spool)
        outcome.clips[split] = len(clips)


def _assemble(path: Path, header: SplitHeader, clips: Sequence[Clip], spool: Path) -> None:
    def encoded() -> Iterator[Encoded]:
        for clip in clips:
            spooled = _spooled(spool, clip)
            data, sizes = _read_spooled(spooled, "data"), _read_spooled(spooled, "sizes")
            yield Encoded(clip.id, clip.signer, clip.glosses, data, sizes)

    total = sum(int(_read_spooled(_spooled(spool, clip), "sizes").sum()) for clip in clips)
    write_split(path, header, encoded(), total)
