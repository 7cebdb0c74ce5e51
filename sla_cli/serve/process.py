"""The worker process: it holds a recognizer, and does one thing at a time, a recording or a live stream."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from sla_cli.errors import FormatError, SlaError, not_installed
from sla_cli.log import log, silent_stderr
from sla_cli.serve.files import PAGE_FILE, RESULT, UPLOAD
from sla_cli.serve.messages import Recognised
from sla_cli.serve.talk import Done, Frame, Order, Progress, Ready, Said, Transcribe, Unusable
from sla_cli.system.atomic import write_text
from sla_cli.system.workers import start_worker
from sla_cli.transcribe.recognizer import Recognizer
from sla_cli.transcribe.segments import Segments
from sla_cli.transcribe.transcript import Transcript
from sla_cli.video.picture import JPEG, decode_picture

HEAD = struct.Struct("<d")
UNREADABLE = "this file cannot be read as a video"
OUT_OF_MEMORY_FIRST = "900"  # the system ends a worker before the service


class _Stopped(Exception):
    """The client has deleted the recording."""


@dataclass
class _Counting:
    """Tells the service how many frames are computed, and ends what is not wanted any more."""

    connection: Connection
    done: int = 0

    def __call__(self, amount: int = 1, note: str = "", total: int | None = None) -> None:
        self.done += amount
        if self.connection.poll():
            raise _Stopped
        self.connection.send(Progress(self.done, total or 0))


def work(connection: Connection, opening: Mapping[str, Any]) -> None:
    """Serve until the other end is closed. `opening`: arguments of `Recognizer.open`."""
    start_worker()
    log.disabled = True  # its messages name files
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OUT_OF_MEMORY_FIRST)
    try:
        recognizer = Recognizer.open(**opening)
    except (SlaError, ModuleNotFoundError) as error:
        known = error if isinstance(error, SlaError) else not_installed(error) or SlaError(str(error))
        connection.send(Unusable(known))
        return
    connection.send(Ready(recognizer.made))
    with suppress(EOFError, OSError):
        while True:
            order: Order = connection.recv()
            if isinstance(order, Transcribe):
                connection.send(_transcribed(recognizer, order, connection))
            elif isinstance(order, Frame):
                _stream(recognizer, order, connection)


def _transcribed(recognizer: Recognizer, order: Transcribe, connection: Connection) -> Done:
    try:
        found = recognizer.transcribe(order.folder / UPLOAD, longest=order.length, advance=_Counting(connection))
    except SlaError as error:
        return Done(_public(error, order.folder))
    except _Stopped:
        return Done("it was deleted")
    try:
        _save(found, order.folder)
    except SlaError:
        return Done("the service cannot store the transcript")
    return Done()


def _save(transcript: Transcript, folder: Path) -> None:
    """Write the page, which shows more than signs, then the signs. Raises SlaError if the disk is full."""
    transcript.save(folder / PAGE_FILE, force=True, link_video=False)
    result = Recognised(duration=transcript.duration, signs=transcript.signs, made=transcript.made)
    write_text(folder / RESULT, msgspec.json.encode(result).decode())


def _public(error: SlaError, folder: Path) -> str:
    """The sentence without the place of the video; one that names another file of the service is not shown."""
    sentence = error.message.replace(str(folder / UPLOAD), "the video")
    return UNREADABLE if folder.name in sentence or str(folder.parent) in sentence else sentence


def _stream(recognizer: Recognizer, first: Frame, connection: Connection) -> None:
    """Answer each frame of a live stream, up to its end or to one that is refused."""
    segments, frame = Segments(), first
    try:
        stream = recognizer.stream()
        while True:
            events = stream.push(*_picture(frame.data)) if frame.data else stream.finish()
            connection.send(Said(tuple(msgspec.json.encode(one).decode() for one in segments.add(events))))
            if not frame.data:
                return
            frame = connection.recv()
    except SlaError as error:
        connection.send(Said((), error.message, failed=isinstance(error, FormatError)))


def _picture(data: bytes) -> tuple[np.ndarray, float]:
    """Picture, RGB, and time in seconds of a message. Raises SlaError for anything else."""
    jpeg = data[HEAD.size :]
    picture = None
    if jpeg.startswith(JPEG):
        try:
            with silent_stderr():  # each damaged picture would be a line in the log of the service
                picture = decode_picture(jpeg)
        except ValueError as error:
            raise SlaError(f"a picture {error}") from error
    if picture is None:
        raise SlaError("a message is not 8 bytes of time, a little-endian float64 in seconds, and a JPEG")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), HEAD.unpack_from(data)[0]
