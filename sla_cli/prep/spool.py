"""The spool: encoded clips on their way into a store, one small file each, made in parallel.

A file is renamed when whole, so a kill costs the clips in work and nothing else. Its name says where the frames come
from, so it serves whatever a clip is called and however it is labelled.
"""

from __future__ import annotations

import socket
import zipfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from sla_cli.atomic import atomic_write
from sla_cli.config import PrepConfig
from sla_cli.core.clip import Clip, Source
from sla_cli.core.digest import digest_json
from sla_cli.errors import FrameError, SlaError
from sla_cli.log import log, progress
from sla_cli.prep.encode import encode_clip
from sla_cli.prep.executor import Executor, WorkerDied


@dataclass(frozen=True)
class Made:
    """What is known of a clip's encoded frames: how many, their bytes, frames a second, and the loss (see Encoded)."""

    frames: int
    size: int
    fps: float
    squared_error: float


@dataclass
class Encoding:
    """What became of clips: id to what was made of its frames, or to what is wrong with them."""

    made: dict[str, Made] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def encode_all(clips: Sequence[Clip], spool: Path, config: PrepConfig, fps: float | None, engine: Executor) -> Encoding:
    """Bring every clip into the spool, but those that are there.

    Args:
        fps: of frame folders, where the corpus says.

    Raises:
        SlaError: the spool cannot be written, or is not seen by a worker.
    """
    made = {clip.id: known for clip in clips if (known := _look(spooled(spool, clip.source))) is not None}
    missing = [clip for clip in clips if clip.id not in made]
    if made:
        log.info("%d of %d clips were encoded before", len(made), len(clips))
    encoding = Encoding(made)
    encode = partial(_encode, spool=spool, config=config, fps=fps)
    with progress("prep", len(missing)) as advance, closing(engine.run(encode, missing)) as answers:
        for clip, answer in answers:
            if isinstance(answer, Made):
                encoding.made[clip.id] = answer
            else:
                reason = answer.reason if isinstance(answer, WorkerDied) else answer
                encoding.failed[clip.id] = f"{clip.where}: {reason}" if clip.where else reason
                log.error("clip %s: %s", clip.id, encoding.failed[clip.id])
            advance(note=f"{len(encoding.failed)} broken" if encoding.failed else "")
    return encoding


def spooled(spool: Path, source: Source) -> Path:
    """Where a clip lies in a spool. Folders are kept small, since each write looks through its own for leftovers."""
    digest = digest_json([str(source.root), source.path, source.start, source.end])
    return spool / digest[:2] / f"{digest}.npz"


def write_spooled(path: Path, data: np.ndarray, sizes: np.ndarray, made: Made) -> None:
    """Keep a clip's encoded frames. Raises SlaError where the disk is full."""
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        # NumPy's archive holds checksums, verified when read.
        np.savez(file, data=data, sizes=sizes, facts=np.array([made.fps, made.squared_error]))


def read_spooled(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A clip's bytes, uint8 (bytes,), and the size of each frame, int64 (frames,).

    Raises:
        SlaError: its file is damaged; it is removed, so that the next run encodes the clip anew.
    """
    try:
        with np.load(path) as arrays:
            return arrays["data"], arrays["sizes"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        path.unlink(missing_ok=True)
        raise SlaError(f"{path} is damaged: {error}", "Run again: its clip is encoded anew.") from error


def _encode(clip: Clip, spool: Path, config: PrepConfig, fps: float | None) -> Made | str:
    """One clip into the spool, in whatever process and on whatever machine; or what is wrong with its frames."""
    if not spool.is_dir():
        raise SlaError(
            f"{socket.gethostname()} does not see {spool}", "The work folder must lie where all workers see it."
        )
    try:
        frames = encode_clip(clip.source, config, fps, cache=spool.parent)
    except FrameError as error:
        return error.message
    made = Made(len(frames.sizes), len(frames.data), float(frames.fps), float(frames.squared_error))
    write_spooled(spooled(spool, clip.source), frames.data, frames.sizes, made)
    return made


def _look(path: Path) -> Made | None:
    """What lies in the spool for a clip; a damaged file counts as none."""
    if not path.is_file():
        return None
    try:
        with np.load(path) as arrays:
            sizes, (fps, squared_error) = arrays["sizes"], arrays["facts"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        log.warning("%s is damaged and made again: %s", path, error)
        path.unlink(missing_ok=True)
        return None
    return Made(len(sizes), int(sizes.sum()), float(fps), float(squared_error))
