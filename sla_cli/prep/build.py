"""Corpus to store: encode clips in parallel into a spool, then write each split file from it.

The spool survives kills and failures, and is removed when every clip is in the store.
"""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Clip
from sla_cli.core.ctc import feasible, minimum_steps
from sla_cli.errors import SlaError, some
from sla_cli.formats.receipt import Receipt, already_made, digest_file, receipt_path, write_receipt
from sla_cli.formats.store import SPLITS, SplitHeader, split_path, write_split
from sla_cli.log import log
from sla_cli.prep.spool import encode_all, spooled_bytes, spooled_clip

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # neither HDF5 nor our tables hold all of these
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
        outcome = _make(corpus, source, out, config, spool, jobs)
        receipt.results = asdict(outcome)
        write_receipt(receipt, out)
        if not outcome.failed:
            _remove_spools(out)
    return outcome


def _make(corpus: ModuleType, source: Path, out: Path, config: PrepConfig, spool: Path, jobs: int) -> Outcome:
    outcome = Outcome()
    plans = {split: _plan(corpus, source, split, outcome) for split in corpus.tables(source)}
    vocabulary = tuple(sorted({gloss for clip in plans["train"] for gloss in clip.glosses}))
    failed = encode_all([clip for clips in plans.values() for clip in clips], spool, config, jobs)
    outcome.failed = {clip.id: error for clip, error in failed.items()}
    good = {split: [clip for clip in clips if clip not in failed] for split, clips in plans.items()}
    for split, clips in good.items():
        if not clips:
            raise SlaError(f"no clip of {split} can be read: {some(failed.values(), 1)}", "Mend the files.")
    receipt_path(out).unlink(missing_ok=True)  # from here to the new receipt the store is not complete
    for split in set(SPLITS) - good.keys():
        split_path(out, split).unlink(missing_ok=True)  # of a store that had more splits
    for split, clips in good.items():
        header = SplitHeader(corpus.NAME, split, config.size, corpus.FPS, config.quality, vocabulary)
        total = sum(spooled_bytes(clip, spool) for clip in clips)
        write_split(split_path(out, split), header, (spooled_clip(clip, spool) for clip in clips), total)
        outcome.clips[split] = len(clips)
    return outcome


def _plan(corpus: ModuleType, source: Path, split: str, outcome: Outcome) -> list[Clip]:
    """Clips to be stored. In train, those that CTC cannot align are left out, with the reason."""
    table = corpus.tables(source)[split]
    clips: list[Clip] = []
    seen: set[str] = set()
    for clip in corpus.clips(source, split):
        if not clip.id.strip() or CONTROL.search(" ".join((clip.id, clip.signer, *clip.glosses))):
            raise SlaError(f"{table}: clip {clip.id!r} has an empty id, or a tab, NUL or the like", "Mend the table.")
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


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the store's lock: two processes at work on one store would take each other's files away."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("a")
    except OSError as error:
        raise SlaError(f"cannot write {out}: {error.strerror}", "Choose another folder with --work.") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SlaError(
                f"another process is writing {out}", "Wait for it, or name another --work folder."
            ) from error
        yield


def _whole(out: Path, receipt: Receipt) -> bool:
    """Whether all clips are in and the files are still there."""
    return not receipt.results["failed"] and all(split_path(out, split).is_file() for split in receipt.results["clips"])


def _remove_spools(out: Path, keep: Path | None = None) -> None:
    for spool in out.glob(".spool-*"):
        if spool != keep:
            shutil.rmtree(spool)
