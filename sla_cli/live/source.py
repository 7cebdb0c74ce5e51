"""Where frames come from: a camera, a file, standard input, or an address."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from sla_cli.core.clip import Source as Place
from sla_cli.core.clip_name import recording_name
from sla_cli.errors import SlaError, visible
from sla_cli.live.address import Address
from sla_cli.live.camera import Camera
from sla_cli.live.pipe import Pipe
from sla_cli.live.squared import squared
from sla_cli.video.frames import FrameReader
from sla_cli.video.source import ENDINGS

STDIN = "-"


class Source(Protocol):
    """Frames with times."""

    @property
    def name(self) -> str:
        """For messages and files; without user and password."""
        ...

    @property
    def media(self) -> Path | None:
        """The video file; None if there is none."""
        ...

    @property
    def live(self) -> bool:
        """Whether frames are lost that are not fetched in time; known with the first frame."""
        ...

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        """Time in seconds, ascending, and picture, BGR uint8 (height, width, 3) with square pixels.

        Args:
            stopped: when it is set, frames end soon.

        Raises:
            SlaError: there is no such source, it sends no video, or it ended where it should go on.
        """
        ...


class VideoFile:
    """A video file, as `sla transcribe` reads it: times are those of the file."""

    live = False

    def __init__(self, path: Path) -> None:
        """Raises SlaError if there is no such file."""
        if path.is_dir():
            raise SlaError(f"{path} is a folder", "Give one video; `sla transcribe` reads folders.")
        if path.name.lower().endswith(tuple(ENDINGS)) and path.is_file():
            raise SlaError(f"{path} is an archive", "Give one video; `sla transcribe` reads archives.")
        if not path.exists():
            hint = "Give a camera's number, a video, an address such as rtsp://…, or - for standard input."
            raise SlaError(f"no such video: {path}", hint)
        if not path.is_file():
            hint = "Give a pipe as standard input: `sla live - < PIPE`; and a camera by its number."
            raise SlaError(f"{path} is not a file", hint)
        self.name, self.media = visible(recording_name(path.name)), path
        self._reader = FrameReader(Place(path.parent, path.name))

    def frames(self, stopped: threading.Event) -> Iterator[tuple[float, np.ndarray]]:
        for time, picture in self._reader:
            yield time, squared(picture, self._reader.pixel_aspect)


def find_source(name: str) -> Source:
    """The source that a user names: a number is a camera, `./0` the file.

    Raises:
        SlaError: there is no such camera or file, an address of another kind, or nothing is named.
    """
    if not name:  # of an empty shell variable
        raise SlaError("the source is empty", "Give a camera's number, a video, an address, or - for standard input.")
    if re.fullmatch("[0-9]{1,3}", name):
        return Camera(int(name))
    if name == STDIN:
        return Pipe()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", name):
        return Address(name)
    return VideoFile(Path(name))
