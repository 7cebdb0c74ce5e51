"""A video on standard input."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator

import numpy as np

from sla_cli.errors import FrameError, SlaError
from sla_cli.live.clock import timed
from sla_cli.video.incoming import open_incoming

OFTEN = 0.2  # seconds after which it is looked whether to stop


class Pipe:
    """Bytes of a video in a format that can be read while it comes: Matroska, WebM, MPEG-TS, FLV, bare H.264, …

    What is written faster than the machine computes waits in the pipe.
    """

    name, media, live = "standard input", None, False

    def __init__(self) -> None:
        """Raises SlaError if nothing can come from there."""
        if sys.stdin is None or sys.stdin.isatty():
            raise SlaError("standard input is a terminal or closed", "Write a video to it: `… | sla live -`.")
        self._number = sys.stdin.fileno()

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        with open_incoming(_Input(self._number, stopped), self.name) as decoder:
            yield from timed(decoder, f"{self.name} is broken", live=False)


class _Input:
    """Reads what is there, and ends when it is told to."""

    def __init__(self, number: int, stopped: threading.Event) -> None:
        self._number, self._stopped = number, stopped

    def read(self, size: int) -> bytes:
        try:
            while not self._stopped.is_set():
                if os.name == "nt" or select.select([self._number], [], [], OFTEN)[0]:  # Windows selects sockets only
                    return os.read(self._number, size)
        except OSError as error:
            raise FrameError(f"standard input cannot be read ({error.strerror})") from error
        return b""
