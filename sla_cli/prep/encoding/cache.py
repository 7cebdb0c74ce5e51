"""The encoding cache: encoded clips before they are written into a store, one small file each, made in parallel.

A file gets its name when it is complete, so an interruption loses only the clips that were being encoded. The name
contains the place of the frames in the corpus, so the file can be used for any id and glosses of the clip, and after
the corpus was moved. It holds the recording's stamp: a file from another recording of the same name is not used.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sla_cli.artifact.npz import DAMAGE, Damaged, read_arrays, write_arrays
from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Clip, Source
from sla_cli.core.digest import digest_json
from sla_cli.errors import FrameError, ReadError, SlaError, cannot_read
from sla_cli.log import log
from sla_cli.prep.encoding.encode import encode_clip
from sla_cli.prep.encoding.process_pool import Failure
from sla_cli.store.content import EncodedFrames


@dataclass(frozen=True)
class FramesOnDisk:
    """A clip's encoded frames, in the cache or in a store.

    Attributes:
        path: a file of the cache, or of a store.
        number: number of the clip in a store's file; None in the cache, where each clip has a file.
        frames, size: number of frames, and of their bytes.
        fps, squared_error, note: as in EncodedFrames.
        stamp: stamp of the recording that they were made from.
    """

    path: Path
    number: int | None
    frames: int
    size: int
    fps: float
    squared_error: float
    stamp: str = ""
    note: str = ""

    def serves(self, source: Source) -> bool:
        """Whether the recording is the one that was encoded. One that could not be examined, then or now, counts as
        unchanged."""
        return not source.stamp or not self.stamp or source.stamp == self.stamp


@dataclass(frozen=True)
class EncodingCache:
    """A folder of encoded clips.

    Attributes:
        config: how clips are encoded.
        fps: frame rate of frame folders, if the corpus states it.
        first: number of the first picture of a frame folder, if the corpus states it.
    """

    folder: Path
    config: PrepConfig
    fps: float | None
    first: int | None = None

    def path(self, clip: Clip) -> Path:
        """A clip's file. Folders are kept small, since each write searches its folder for leftovers."""
        digest = digest_json(clip.origin)
        return self.folder / digest[:2] / f"{digest}.npz"

    def find(self, clip: Clip) -> FramesOnDisk | None:
        """The encoded frames of a clip, if they exist and can be used."""
        path = self.path(clip)
        try:
            with np.load(path) as arrays:
                sizes, (fps, squared_error) = arrays["sizes"], arrays["facts"]
                stamp, note = map(str, arrays["texts"])
        except FileNotFoundError:
            return None
        except DAMAGE as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or "it is damaged"
            log.warning("%s cannot be used and its clip is encoded again: %s", path, reason)
            return None
        facts = float(fps), float(squared_error), stamp, note
        found = FramesOnDisk(path, None, len(sizes), int(sizes.sum()), *facts)
        return found if found.serves(clip.source) else None

    def put(self, clip: Clip, frames: EncodedFrames) -> FramesOnDisk:
        """Keep a clip's encoded frames. Raises SlaError if the disk is full."""
        path, facts = self.path(clip), (float(frames.fps), float(frames.squared_error))
        texts = clip.source.stamp, frames.note
        arrays = {"data": frames.data, "sizes": frames.sizes, "facts": np.array(facts), "texts": np.array(texts)}
        # NumPy's archive holds checksums, verified when read, so it need not be flushed to the disk.
        write_arrays(path, arrays, flush=False)
        return FramesOnDisk(path, None, len(frames.sizes), len(frames.data), *facts, *texts)

    def encode(self, clip: Clip) -> FramesOnDisk | Failure:
        """Encode one clip, in any process and on any machine; or return what is wrong with its frames."""
        if not self.folder.is_dir():
            hint = "The work folder must be on a disk that all workers can access."
            raise SlaError(f"{socket.gethostname()} cannot access {self.folder}", hint)
        try:
            frames = encode_clip(clip.source, self.config, self.fps, self.folder.parent, self.first)
        except FrameError as error:
            reason = f"{error.message}. {error.hint}".removesuffix(". ")
            return Failure(reason, again=isinstance(error, ReadError))
        return self.put(clip, frames)


def read_cached(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A clip's bytes, uint8 (bytes,), and the size of each frame, int64 (frames,).

    Raises:
        SlaError: its file cannot be read. A damaged file is removed, so the next run encodes the clip again.
    """
    try:
        data, sizes = read_arrays(path, "data", "sizes")
    except OSError as error:
        raise cannot_read(path, error) from error
    except Damaged as error:
        path.unlink(missing_ok=True)
        raise SlaError(f"{path} is damaged", "Run again: its clip is encoded again.") from error
    return data, sizes
