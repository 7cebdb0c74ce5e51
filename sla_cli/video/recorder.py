"""Writes frames as a video while they come, with their own times; what was written is playable after a kill."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np

from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.system.atomic import ELSEWHERE, HINTS

SUFFIX = ".mkv"
CODEC = "libx264"
# No picture waits in the encoder, so that a kill loses none; a quality at which fingers stay sharp; and the colours as
# FFmpeg converts them, which players would take for those of HD otherwise.
ENCODING = {"preset": "veryfast", "tune": "zerolatency", "crf": "20", "x264-params": "colormatrix=smpte170m"}
KEYS = 50  # frames from one key frame to the next, from which players can start
# A cluster is written at least each second, and each packet at once.
CONTAINER = {"cluster_time_limit": "1000", "flush_packets": "1"}
UNIT = Fraction(1, 1000)  # seconds, of times in Matroska


def check_recording(path: Path) -> None:
    """Raise SlaError for a name that a recording cannot have, or a file that exists: no recording is ever replaced."""
    if path.suffix.lower() != SUFFIX:
        raise SlaError(f"{path}: a recording is a Matroska file", f"Give a name that ends with {SUFFIX}.")
    if path.exists():
        raise SlaError(f"{path} exists, and a recording is never replaced", "Give another name.")
    if CODEC not in av.codecs_available:
        raise SlaError(f"this PyAV has no encoder {CODEC}, so nothing can be recorded", "Install its wheel from PyPI.")


class Recorder:
    """A new Matroska file with H.264, made with the first frame.

    Args:
        path: ends with .mkv; its folder is made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: av.container.OutputContainer | None = None
        self._last = -1
        self.frames = 0
        self._fault: SlaError | None = None

    def add(self, time: float, picture: np.ndarray) -> None:
        """Write a frame.

        Args:
            time: seconds from the beginning of the file, later than the one before; rounded to milliseconds.
            picture: BGR uint8 (height, width, 3). All get the size of the first one; an odd last row or column is left
                out, which H.264 for players cannot hold.

        Raises:
            SlaError: the file exists, or cannot be written.
        """
        try:
            if self._container is None:
                self._open(picture)
            frame = av.VideoFrame.from_ndarray(self._even(picture), format="bgr24")
            frame = frame.reformat(self._stream.width, self._stream.height, "yuv420p")
            frame.pts = self._last = max(self._last + 1, round(time * 1000))
            frame.time_base = UNIT
            self._write(frame)
        except (OSError, av.FFmpegError) as error:
            raise self._refused(error) from error
        self.frames += 1

    def close(self) -> None:
        """Complete the file. Raises SlaError if that cannot be written."""
        if self._container is None:
            return
        try:
            with self._file:
                if self.frames:  # an encoder that took no frame is not open, and PyAV may end the process
                    self._write(None)
                self._container.close()
        except (OSError, av.FFmpegError) as error:
            raise self._refused(error) from error
        finally:
            self._container = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, picture: np.ndarray) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("xb", buffering=0)
        container = av.open(self._file, "w", format="matroska", options=CONTAINER)
        stream = container.add_stream(CODEC, options=ENCODING)
        assert isinstance(stream, av.VideoStream)
        height, width = picture.shape[:2]
        stream.width, stream.height, stream.pix_fmt = max(2, width // 2 * 2), max(2, height // 2 * 2), "yuv420p"
        stream.codec_context.time_base, stream.codec_context.gop_size = UNIT, KEYS
        stream.codec_context.thread_count = 1  # the other cores recognise
        self._container, self._stream = container, stream

    def _even(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        even = picture[: max(1, height // 2 * 2), : max(1, width // 2 * 2)]
        return np.ascontiguousarray(even)

    def _write(self, frame: av.VideoFrame | None) -> None:
        assert self._container is not None
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def _refused(self, error: OSError | av.FFmpegError) -> SlaError:
        """The first one says why; PyAV has no reason for those that follow it, as when the file is closed."""
        what = f"cannot write {self._path}: {error.strerror or error}"
        kept = f"{counted(self.frames, 'frame is', 'frames are')} kept" if self.frames else "nothing is recorded"
        hint = "Give another name" if isinstance(error, FileExistsError) else HINTS.get(error.errno, ELSEWHERE)
        self._fault = self._fault or SlaError(f"{what}; {kept}", f"{hint}.")
        return self._fault
