"""The encoding cache: encoded clips on their way into a store, one small file each, made in parallel.

A file gets its name when it is complete, so a kill costs only the clips that were being encoded. The name says where
the frames come from, so the file serves whatever the clip's id and glosses are.
"""

from __future__ import annotations

import socket
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.atomic import atomic_write
from sla_cli.config import PrepConfig
from sla_cli.core.clip import Clip, Source
from sla_cli.core.digest import digest_json
from sla_cli.errors import FrameError, SlaError
from sla_cli.log import log, progress
from sla_cli.prep.encode import EncodedFrames, encode_clip
from sla_cli.prep.process_pool import Executor, WorkerDied

DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)  # what NumPy raises of a damaged file


@dataclass(frozen=True)
class EncodedClip:
    """A clip's encoded frames on disk.

    Attributes:
        path: a file of the cache, or of a store.
        number: of the clip in a store's file; None in the cache, where each clip has a file.
        frames, size: their number and their bytes.
        fps, squared_error: as of EncodedFrames.
    """

    path: Path
    number: int | None
    frames: int
    size: int
    fps: float
    squared_error: float


@dataclass(frozen=True)
class EncodingCache:
    """A folder of encoded clips.

    Attributes:
        root: of the corpus.
        config: how clips are encoded.
        fps: of frame folders, where the corpus says.
    """

    folder: Path
    root: Path
    config: PrepConfig
    fps: float | None

    def path(self, source: Source) -> Path:
        """A clip's file. Folders are kept small, since each write looks through its own for leftovers."""
        digest = digest_json([str(source.root), source.path, source.start, source.end])
        return self.folder / digest[:2] / f"{digest}.npz"

    def origin(self, source: Source) -> str:
        """Where a clip's frames come from within its corpus: `PATH`, or `PATH START-END` in seconds."""
        root = source.root
        inside = root.relative_to(self.root).as_posix() if root.is_relative_to(self.root) else str(root)
        path = source.path if inside == "." else f"{inside}/{source.path}"
        if source.start is None and source.end is None:
            return path
        start, end = ("" if time is None else repr(float(time)) for time in (source.start, source.end))
        return f"{path} {start}-{end}"

    def find(self, source: Source) -> EncodedClip | None:
        """What is there of a clip; a damaged file counts as none, and is removed."""
        path = self.path(source)
        try:
            with np.load(path) as arrays:
                sizes, (fps, squared_error) = arrays["sizes"], arrays["facts"]
        except FileNotFoundError:
            return None
        except DAMAGE as error:
            log.warning("%s is damaged and its clip is encoded again: %s", path, error)
            path.unlink(missing_ok=True)
            return None
        return EncodedClip(path, None, len(sizes), int(sizes.sum()), float(fps), float(squared_error))

    def put(self, source: Source, frames: EncodedFrames) -> EncodedClip:
        """Keep a clip's encoded frames. Raises SlaError where the disk is full."""
        path, facts = self.path(source), (float(frames.fps), float(frames.squared_error))
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            # NumPy's archive holds checksums, verified when read.
            np.savez(file, data=frames.data, sizes=frames.sizes, facts=np.array(facts))
        return EncodedClip(path, None, len(frames.sizes), len(frames.data), *facts)

    def encode(self, clip: Clip) -> EncodedClip | str:
        """Encode one clip, in whatever process and on whatever machine; or say what is wrong with its frames."""
        if not self.folder.is_dir():
            hint = "The work folder must lie where all workers see it."
            raise SlaError(f"{socket.gethostname()} does not see {self.folder}", hint)
        try:
            return self.put(clip.source, encode_clip(clip.source, self.config, self.fps, self.folder.parent))
        except FrameError as error:
            return f"{error.message}. {error.hint}".removesuffix(". ")


def read_cached(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A clip's bytes, uint8 (bytes,), and the size of each frame, int64 (frames,).

    Raises:
        SlaError: its file is damaged; it is removed, so that the next run encodes the clip again.
    """
    try:
        with np.load(path) as arrays:
            return arrays["data"], arrays["sizes"]
    except DAMAGE as error:
        path.unlink(missing_ok=True)
        raise SlaError(f"{path} is damaged: {error}", "Run again: its clip is encoded again.") from error


def encode_all(
    clips: Sequence[Clip], cache: EncodingCache, engine: Executor
) -> tuple[Mapping[str, EncodedClip], Mapping[str, str]]:
    """Bring every clip into the cache, but those that are there.

    Returns:
        By clip id what was encoded, and what is wrong with the others.

    Raises:
        SlaError: the cache cannot be written, or is not seen by a worker.
    """
    encoded = {clip.id: found for clip in clips if (found := cache.find(clip.source)) is not None}
    missing = [clip for clip in clips if clip.id not in encoded]
    failed: dict[str, str] = {}
    if encoded:
        log.info("%d of %d clips were encoded before", len(encoded), len(clips))
    with progress("prep", len(missing)) as advance, closing(engine.run(cache.encode, missing)) as answers:
        for clip, answer in answers:
            if isinstance(answer, EncodedClip):
                encoded[clip.id] = answer
            else:
                reason = answer.reason if isinstance(answer, WorkerDied) else answer
                failed[clip.id] = f"{clip.where}: {reason}" if clip.where else reason
                log.error("clip %s: %s", clip.id, failed[clip.id])
            advance(note=f"{len(failed)} broken" if failed else "")
    return encoded, failed
