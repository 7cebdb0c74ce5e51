"""What a video file's container says of itself, since decoders pass over what is missing or unknown in silence.

MP4 and MOV (ISO/IEC 14496-12), AVI (RIFF), Matroska and WebM (RFC 9559) say how long they are; others do not.
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
OGG_PICTURES = (b"theora", b"video", b"BBCD", b"VP80")  # in the first packets of an Ogg that holds some
HEAD = 4096  # bytes that show what a file is


@dataclass(frozen=True)
class Container:
    """What a file holds as far as its container is known.

    Attributes:
        tracks: None where the kind does not say, or the part that says is missing.
        kind: `MP4`, `AVI` or `Matroska`, with what is built alike (MOV, WebM); "" for others.
        missing: bytes by which the file is shorter than it says; 0 where it is complete, or its kind does not say.
        text: whether it is text, which FFmpeg may draw as pictures, or follow as a list of other files.
    """

    tracks: Tracks | None = None
    kind: str = ""
    missing: int = 0
    text: bool = False


def read_container(path: Path) -> Container:
    """Look at a file without decoding. Nothing in it is trusted: whatever it claims, this ends and takes no memory."""
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
    """Whether no byte controls anything but lines and colours, or it is UTF-16; a raw video's header is words too."""
    lacks_controls = all(byte >= 32 or byte in b"\t\n\f\r\x1b" for byte in head[:256])
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or (lacks_controls and not head.startswith(b"YUV4MPEG2"))
