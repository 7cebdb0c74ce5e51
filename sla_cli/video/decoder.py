"""FFmpeg, through PyAV: opens one file and decodes its pictures. No other file is ever opened."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import PurePosixPath
from typing import Any, BinaryIO, NamedTuple, NoReturn

import av
import cv2
import numpy as np
from av.format import Flags
from av.sidedata.sidedata import SideData
from av.video.reformatter import VideoReformatter

from sla_cli.config.bounds import PICTURE
from sla_cli.core.counted import counted
from sla_cli.errors import FrameError, argument
from sla_cli.video.stated_size import HEAD

# FFmpeg's names of the formats that are opened: each is one file. Lists of other files (HLS, DASH, concat, sequences
# of pictures), drawn text and devices are not among them. Of sound, those that a user may take for a video.
FORMATS = (
    *("mov", "matroska", "avi", "asf", "flv", "ogg", "mxf", "gxf", "wtv", "nut", "rm", "dv", "ivf", "gif", "apng"),
    *("mpegts", "mpeg", "mpegvideo", "h264", "hevc", "vvc", "m4v", "h263", "vc1", "av1", "obu", "mjpeg"),
    *("yuv4mpegpipe", "wav", "mp3", "flac", "aac", "amr"),
)
# Those that FFmpeg finds anywhere in a file, also in an archive, or in another video whose head is damaged (with other
# times then): how a file of each begins.
BEGINNINGS = {
    **dict.fromkeys(("mpegvideo", "m4v", "h264", "hevc", "vvc", "vc1", "mpeg"), re.compile(rb"\0{2,}\x01")),
    "h263": re.compile(rb"\0\0[\x80-\x83]"),
    "mjpeg": re.compile(rb"\xff\xd8\xff"),
    "mpegts": re.compile(rb"(?:.{4})?G", re.DOTALL),
    "dv": re.compile(rb"\x1f\x07\0"),
    "mxf": re.compile(rb"\x06\x0e\x2b\x34"),
    "nut": re.compile(rb"nut/multimedia container"),
}
LIMITS = {"format_whitelist": ",".join(FORMATS), "protocol_whitelist": "none", "max_pixels": str(PICTURE)}
PREROLL = 2.0  # seconds before the start of a part to which a long video is positioned: decoders need a key frame
WIDEST = 8.0  # times as wide as high, or as high as wide, is a pixel at most: more states nonsense, and any memory
LATEST = 60.0  # seconds; a later beginning has times of another clock, such as that of a broadcast
UNCOUNTED = 1 << 30  # frames that FFmpeg states in an AVI while it writes it, which stay if that is a pipe
# PyAV before 19 reads texts in a file strictly as UTF-8, unless told otherwise.
METADATA: dict[str, Any] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "replace"}
CODECS = {"h264": "H.264", "hevc": "H.265", "vvc": "H.266", "mpeg4": "MPEG-4", "mpeg2video": "MPEG-2"}


class UndecodableError(Exception):
    """A piece of a video that FFmpeg cannot decode."""


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        time: seconds on the timeline of the file; None if it states none.
        image: BGR uint8 (height, width, 3), upright.
        damaged: whether FFmpeg has filled gaps in it.
    """

    time: float | None
    image: np.ndarray
    damaged: bool


class Decoder:
    """An open video.

    Attributes:
        codec: its usual name.
        rate: frames per second in the header; 0 if it states none.
        frames: number of frames in the header; 0 if it states none.
        duration: seconds of the file in the header, of all tracks; 0 if it states none.
        reached: seconds up to which the file has been read, of all tracks.
        pixel_aspect: width of a pixel of the upright picture over its height, known with the first picture.
        timed: whether the format states times; FFmpeg counts the pictures of others, such as motion JPEG.
    """

    def __init__(self, container: av.container.InputContainer, where: str, blind: float = math.inf) -> None:
        """
        Args:
            blind: seconds without a picture after which it is given up, as if a piece did not decode.

        Raises:
            FrameError: the file has no video, or one that is not decoded.
        """
        self._container, self._where, self._blind = container, where, blind
        pictures = [one for one in container.streams.video if not one.disposition & one.disposition.attached_pic]
        if not pictures:
            holds = "holds sound, but no video stream" if container.streams.audio else "has no video stream"
            raise FrameError(f"{where} {holds}", "Give the file that holds the pictures.")
        self._stream = stream = pictures[0]
        if stream.codec_context is None:
            reason = "has a codec that FFmpeg does not decode"
            raise FrameError(f"{where} {reason}", f"Convert it: {conversion(where)}")
        name = stream.codec_context.codec.canonical_name
        self.codec = CODECS.get(name, name.upper())
        _check_size(stream.width, stream.height, where)
        stream.codec_context.thread_count = 1  # clips are processed in parallel
        stream.codec_context.options = {"max_pixels": str(PICTURE)}  # of a picture that is larger than its header says
        self.rate = float(stream.average_rate or stream.guessed_rate or 0)
        is_counted = stream.frames < UNCOUNTED
        self.frames = stream.frames if is_counted else 0
        self.reached, self.pixel_aspect = 0.0, 1.0
        begin = (container.start_time or 0) / av.time_base
        flags = Flags(container.format.flags)
        mpeg, self.timed = Flags.ts_discont in flags, Flags.no_timestamps not in flags
        self._begin = begin if mpeg or begin > LATEST else 0.0  # the clock of MPEG, or of a broadcast
        self.duration = (container.duration or 0) / av.time_base if is_counted else 0.0
        if not mpeg and self.duration > self._begin:
            self.duration -= self._begin  # Matroska and MP4 state the time of the end
        self._reformatter = VideoReformatter()
        self._rotation: int | None = None  # of the frame from which the display matrix was read
        self._matrix: np.ndarray | None = None
        self._pictures = self._decode()

    def finds(self, start: float) -> bool:
        """Whether it can go to shortly before a time without skipping a picture. A short way is not worth it."""
        if start <= 2 * PREROLL:
            return True
        try:
            self._container.seek(round((start - PREROLL + self._begin) * av.time_base))
            first = next(self._pictures)
        except (av.FFmpegError, UndecodableError, StopIteration, OverflowError):  # the last: a time that no file has
            return False
        self._pictures = chain((first,), self._pictures)
        return first.time is not None and first.time <= start

    def __iter__(self) -> Iterator[Picture]:
        """The pictures from here to the end, once.

        Raises:
            FrameError: the video is encrypted.
            UndecodableError: a piece of it does not decode.
            OSError: the file cannot be read.
        """
        return self._pictures

    def _decode(self) -> Iterator[Picture]:
        since = time.monotonic()
        try:
            for packet in self._container.demux():
                if time.monotonic() - since > self._blind:  # FFmpeg waits on while there is sound
                    raise UndecodableError(f"no picture for {self._blind:g} s")
                if packet.pts is not None and packet.time_base is not None:
                    shown_until = (packet.pts + (packet.duration or 0)) * float(packet.time_base)
                    self.reached = max(self.reached, shown_until - self._begin)
                if packet.stream is not self._stream:
                    continue
                if packet.has_sidedata("encryption_info"):
                    raise FrameError(f"{self._where} is encrypted", "Give a copy without copy protection.")
                for frame in self._stream.decode(packet):
                    yield self._picture(frame)
                    since = time.monotonic()
        except av.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise FrameError(
                    f"{self._where}: there is not enough memory for its pictures", "Make it smaller."
                ) from error
            raise UndecodableError(str(error)) from error

    def _picture(self, frame: av.VideoFrame) -> Picture:
        # One reformatter for all frames, and one thread: the frame's own method starts several for each.
        image = self._reformatter.reformat(frame, format="bgr24", interpolation="BICUBIC", threads=1).to_ndarray()
        aspect = float(self._stream.sample_aspect_ratio or 1)
        if self._rotation != frame.rotation:
            # PyAV's object for these data and its frame hold each other, so memory grows if it is made for each frame.
            self._rotation, marks = frame.rotation, frame.side_data.get("DISPLAYMATRIX")
            self._matrix = None
            if isinstance(marks, SideData):
                self._matrix = np.frombuffer(bytes(marks), np.int32).reshape(3, 3)[:2, :2]
        if self._matrix is not None:
            image = _upright(image, self._matrix)
            aspect = 1 / aspect if _on_its_side(self._matrix) else aspect
        self.pixel_aspect = aspect if 1 / WIDEST <= aspect <= WIDEST else 1.0  # no format has others
        moment = None if frame.time is None else frame.time - self._begin
        return Picture(moment, image, frame.is_corrupt)


@contextmanager
def open_video(file: BinaryIO, where: str, missing: int, start: float = 0.0) -> Iterator[Decoder]:
    """A video in an open file, positioned shortly before `start`, or at its beginning if that cannot be found.

    Args:
        missing: bytes that the file should have, for the message.

    Raises:
        FrameError: it is no video, refers to another file, or has pictures of hostile size.
        OSError: the file cannot be read.
    """
    with _container(file, where, missing) as container:
        decoder = Decoder(container, where)
        if decoder.finds(start):
            yield decoder
            return
    with _container(file, where, missing) as container:
        yield Decoder(container, where)


def _container(file: BinaryIO, where: str, missing: int) -> av.container.InputContainer:
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    try:
        container = container_of(file, where)
    except av.FFmpegError as error:
        problem = f"{where} does not open as a video ({counted(file.seek(0, os.SEEK_END), 'byte')})"
        if missing:
            lack = counted(missing, "byte is", "bytes are")
            raise FrameError(f"{problem}: {lack} missing at its end", "Copy it again.") from error
        hint = f"Is it complete, and not text? If a player can play it, convert it: {conversion(where)}"
        raise FrameError(f"{problem}: no format of a video, or no list of its tracks, was found", hint) from error
    begins = BEGINNINGS.get(name := container.format.name)
    if begins is None or begins.match(head):
        return container
    container.close()
    hint = "Unpack it if it is an archive; copy it again if it was cut or damaged."
    raise FrameError(
        f"{where} does not begin as a video: what FFmpeg finds in it ({name}) has something before it", hint
    )


def container_of(
    source: Any, where: str, options: Mapping[str, str] = LIMITS, timeout: float | None = None
) -> av.container.InputContainer:
    """FFmpeg reads from the source, and from nothing else.

    Args:
        source: an open file; or an address, with `options` that allow its format and its protocols.
        timeout: seconds without data after which an address is given up.

    Raises:
        FrameError: it refers to another file.
        av.FFmpegError: it does not open.
    """

    def refuse(url: str, flags: int, options: dict[str, Any]) -> NoReturn:
        raise FrameError(f"{where} refers to another file, {url}", "Give that file, or a copy that holds all.")

    return av.open(source, "r", options=dict(options), timeout=timeout, io_open=refuse, **METADATA)


def _check_size(width: int, height: int, where: str) -> None:
    """Raises FrameError for a stated size that would need gigabytes; FFmpeg gives 0 for one that it has refused."""
    if not 0 < width * height <= PICTURE:
        size = f"pictures of {width}x{height}," if width * height else "no size of its pictures, or"
        reason = f"states {size} more than {PICTURE // 10**6} million pixels"
        raise FrameError(f"{where} {reason}", f"Make it smaller: {conversion(where, '-vf', 'scale=1920:-2')}")


def _upright(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The picture turned and mirrored as its display matrix says: (x, y) is shown at (x, y) @ matrix."""
    if _on_its_side(matrix):
        image, matrix = cv2.transpose(image), matrix[::-1]
    if matrix[0, 0] < 0:
        image = cv2.flip(image, 1)
    if matrix[1, 1] < 0:
        image = cv2.flip(image, 0)
    return image


def _on_its_side(matrix: np.ndarray) -> bool:
    return abs(int(matrix[0, 0])) < abs(int(matrix[0, 1]))  # of int32, the smallest has no absolute value


def conversion(where: str, *options: str, end: str = "h264") -> str:
    """The command that converts a video to a codec that every decoder has."""
    new = PurePosixPath(where).with_name(f"{PurePosixPath(where).stem}-{end}.mp4")
    return f"`{' '.join(('ffmpeg -i', argument(where), *options, '-c:v libx264', argument(new)))}`"
