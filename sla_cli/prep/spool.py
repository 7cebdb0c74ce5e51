"""The spool: encoded clips on their way into a store, one small file each, made in parallel.

A file is renamed when whole, so a kill costs the clips in work and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import zipfile
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np

from sla_cli.config import PrepConfig
from sla_cli.core.clip import Clip
from sla_cli.errors import SlaError
from sla_cli.formats.atomic import atomic_write
from sla_cli.formats.receipt import digest_bytes
from sla_cli.formats.store import Encoded
from sla_cli.log import log, progress
from sla_cli.prep.frames import FrameError, encode_frames
from sla_cli.workers import start_worker


def encode_all(clips: Sequence[Clip], spool: Path, config: PrepConfig, jobs: int) -> dict[Clip, str]:
    """Bring every clip into the spool.

    Args:
        jobs: processes; 0 takes one a core.

    Returns:
        The clips whose frames cannot be read, and why.

    Raises:
        SlaError: the spool cannot be written, or a process died.
    """
    missing = [clip for clip in clips if not _spooled(spool, clip).is_file()]
    if len(missing) < len(clips):
        log.info("%d of %d clips were encoded before", len(clips) - len(missing), len(clips))
    workers = min(jobs or os.cpu_count() or 1, len(missing))
    failed: dict[Clip, str] = {}
    with progress("prep", len(missing)) as advance, closing(_encode_each(missing, spool, config, workers)) as answers:
        for clip, error in answers:
            if error is not None:
                failed[clip] = error
                log.error("clip %s: %s", clip.id, error)
            advance()
    return failed


def _encode_each(
    clips: Sequence[Clip], spool: Path, config: PrepConfig, workers: int
) -> Generator[tuple[Clip, str | None], None, None]:
    """Clips as they are done, and what is wrong with them."""
    if workers <= 1:
        yield from ((clip, _encode(clip, spool, config)) for clip in clips)
        return
    # Spawned, not forked: the caller may have started torch's or OpenCV's threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_start_worker) as pool:
        tasks = {pool.submit(_encode, clip, spool, config): clip for clip in clips}
        try:
            yield from ((tasks[task], task.result()) for task in as_completed(tasks))
        except BrokenProcessPool as error:
            raise SlaError("a worker process died (out of memory?)", "Run again: finished clips are kept.") from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def spooled_bytes(clip: Clip, spool: Path) -> int:
    """Bytes of a clip's frames."""
    return int(_read(_spooled(spool, clip), "sizes")[0].sum())


def spooled_clip(clip: Clip, spool: Path) -> Encoded:
    """A clip as it goes into the store.

    Raises:
        SlaError: its file is damaged; it is removed, so that the next run encodes the clip anew.
    """
    data, sizes = _read(_spooled(spool, clip), "data", "sizes")
    return Encoded(clip.id, clip.signer, clip.glosses, data, sizes)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    start_worker()


def _encode(clip: Clip, spool: Path, config: PrepConfig) -> str | None:
    """One clip into the spool. Returns the error where a frame cannot be read."""
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


def _read(path: Path, *names: str) -> list[np.ndarray]:
    try:
        with np.load(path) as arrays:
            return [arrays[name] for name in names]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise SlaError(f"{path} is damaged: {error}", "Run again: its clip is encoded anew.") from error
