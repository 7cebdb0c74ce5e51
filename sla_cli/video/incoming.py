"""Videos that come while they are made: in a pipe, over HTTP or over RTSP. FFmpeg opens no other file or address."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import av

from sla_cli.core.counted import counted
from sla_cli.errors import FrameError
from sla_cli.log import log
from sla_cli.video.decoder import FORMATS, LIMITS, Decoder, container_of
from sla_cli.video.stated_size import EBML, HEAD, JOINED, index_is_last, stated_length

AT_ONCE = {"fpsprobesize": "0"}  # FFmpeg would wait for 20 pictures to guess the frame rate
# A camera's motion JPEG over HTTP is a list of pictures (multipart/x-mixed-replace).
PIPE = {**LIMITS, **AT_ONCE, "format_whitelist": ",".join((*FORMATS, "mpjpeg"))}
# Within one connection, which every camera offers; UDP loses packets without a word.
RTSP = {**LIMITS, **AT_ONCE, "format_whitelist": "rtsp", "rtsp_transport": "tcp"}
PROTOCOLS = {"rtsp": "tcp,rtp", "rtsps": "tcp,rtp,tls"}  # that FFmpeg may use for an address of a scheme


class Readable(Protocol):
    """What a video is read from; it cannot be positioned."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, as soon as there are some; none at the end."""
        ...


class _Bytes:
    """What FFmpeg reads. The first fault ends the bytes and is kept: FFmpeg reads on after an error."""

    def __init__(self, source: Readable, where: str) -> None:
        self._source, self._where = source, where
        self._head, self._count = b"", 0
        self.fault: FrameError | OSError | None = None

    def read(self, size: int) -> bytes:
        if self.fault is not None:
            return b""
        try:
            return self._read(size)
        except (FrameError, OSError) as error:
            self.fault = error
            return b""

    def _read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._head += data[: HEAD - len(self._head)]
        stated = stated_length(self._head)
        end = stated - self._count  # in these bytes
        if stated and end >= 0 and data[end : end + len(EBML)] == EBML:  # unless its first bytes come in two pieces
            log.warning("%s %s", self._where, JOINED)
        self._count += len(data)
        if index_is_last(self._head):
            fault = f"{self._where} is an MP4 or MOV with its index at the end, and cannot be read while it comes"
            raise FrameError(fault, "It needs its index at the start: `ffmpeg -i IN -c copy -movflags +faststart OUT`.")
        if not data and (missing := stated_length(self._head) - self._count) > 0:
            raise FrameError(f"{self._where} lacks {counted(missing, 'byte')} at its end", "Send all of it.")
        return data


@contextmanager
def open_incoming(source: Readable, where: str) -> Iterator[Decoder]:
    """A video in bytes that come.

    Raises:
        FrameError: it is no video that can be read without positioning, refers to another file, or has pictures of
            hostile size; or, after the last picture, from `read`, or since bytes are missing that it states.
        OSError: likewise, from `read`.
    """
    given = _Bytes(source, where)
    try:
        with _opened(given, where, PIPE, None, "is no video that can be read while it comes") as decoder:
            yield decoder
    except FrameError as error:
        raise given.fault or error from error.__cause__
    if given.fault is not None:
        raise given.fault


@contextmanager
def open_rtsp(address: str, where: str, timeout: float, blind: float) -> Iterator[Decoder]:
    """The video of an RTSP server.

    Args:
        address: rtsp://… or rtsps://…, with user and password if it needs them.
        where: the address without them, for messages.
        timeout, blind: seconds without data, and without a picture, after which it is given up, in `UndecodableError`
            from the decoder.

    Raises:
        FrameError: it does not answer, refuses, or sends no video.
    """
    options = {**RTSP, "protocol_whitelist": PROTOCOLS[address.partition(":")[0].lower()]}
    with _opened(address, where, options, timeout, "gives no video", blind) as decoder:
        yield decoder


@contextmanager
def _opened(
    source: Any, where: str, options: Mapping[str, str], timeout: float | None, fault: str, blind: float = math.inf
) -> Iterator[Decoder]:
    try:
        container = container_of(source, where, options, timeout)
    except av.FFmpegError as error:
        # The text of the error has the address with its password.
        hint = "Can a player open it? Of a playlist (HLS, DASH), give the player's output to `-`."
        raise FrameError(f"{where} {fault} ({_reason(error)})", hint) from error
    with container:
        try:
            decoder = Decoder(container, where, blind)
        except FrameError as error:  # with a hint for files
            raise FrameError(error.message, "Send H.264, with pictures of at most 64 million pixels.") from error
        yield decoder


def _reason(error: av.FFmpegError) -> str:
    if isinstance(error, av.error.ExitError):
        return "no answer"  # our time-out
    return str(error.strerror)
