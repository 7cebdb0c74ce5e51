"""Reads facts from a video file's container, because decoders ignore missing or unknown parts without an error.

MP4 and MOV (ISO/IEC 14496-12), AVI (RIFF), Matroska and WebM (RFC 9559) state their length; others do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sla_cli.video.container_file import ContainerFile
from sla_cli.video.matroska import EBML, read_matroska
from sla_cli.video.movie_boxes import FIRST_BOXES, read_boxes
from sla_cli.video.riff import read_riff
from sla_cli.video.tracks import Tracks

SOUND = (b"ID3", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"#!AMR")  # MP3, FLAC, AMR; a picture in them is a cover
OGG_PICTURES = (b"theora", b"video", b"BBCD", b"VP80")  # in the first packets of an Ogg with video
HEAD = 4096  # first bytes, which show the kind of a file


@dataclass(frozen=True)
class Container:
    """The content of a file, if its container is known.

    Attributes:
        tracks: None if the container does not list them, or the list is missing.
        kind: `MP4`, `AVI` or `Matroska`, which include formats with the same structure (MOV, WebM); "" for others.
        missing: bytes by which the file is shorter than it states; 0 if it is complete, or states no length.
        text: whether it is text, which FFmpeg may draw as pictures, or read as a list of other files.
    """

    tracks: Tracks | None = None
    kind: str = ""
    missing: int = 0
    text: bool = False


def read_container(path: Path) -> Container:
    """Inspect a file without decoding. Nothing in it is trusted: for any content, time and memory are limited."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        file = ContainerFile(stream, size)
        head = file.read(0, HEAD)
        if head[4:8] in FIRST_BOXES:
            kind, (tracks, end) = "MP4", read_boxes(file)
        elif head[:4] == b"RIFF":
            kind, (tracks, end) = "AVI", read_riff(file)
        elif head[:4] == EBML:
            kind, (tracks, end) = "Matroska", read_matroska(file)
        elif head.startswith(SOUND) or (head[:4] == b"OggS" and not any(name in head for name in OGG_PICTURES)):
            return Container(Tracks(codecs=()))
        else:
            return Container(text=_is_text(head))
    return Container(tracks, kind, max(0, end - size))


def _is_text(head: bytes) -> bool:
    """Whether control characters are only those of text, or it is UTF-16; the header of a raw video has words too."""
    lacks_controls = all(byte >= 32 or byte in b"\t\n\f\r\x1b" for byte in head[:256])
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or (lacks_controls and not head.startswith(b"YUV4MPEG2"))
