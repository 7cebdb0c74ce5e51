"""Files with the ending of a picture that hold several: animated PNG (APNG) and WebP, and TIFF of several pages."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import PurePosixPath

from PIL import Image

from sla_cli.artifact.bounded_decode import DAMAGE
from sla_cli.errors import FrameError, argument

PNG = b"\x89PNG\r\n\x1a\n"
ANIMATION = 0x02  # flag of a WebP's first chunk (RFC 9649)
TIFF = (b"II", b"MM")
CONTROL = b"\0\0\0\x08acTL"  # length and name of the chunk of an APNG that states how many pictures it has


def is_animated_png(content: bytes) -> bool:
    """Whether a file is a PNG (third edition) of several pictures, which FFmpeg reads as a video."""
    return content.startswith(PNG) and CONTROL in content.partition(b"IDAT")[0]


def holds_several(content: bytes) -> bool:
    """Whether a picture of a folder is not the only one in its file; a small copy of it in a TIFF does not count."""
    if is_animated_png(content):
        return int.from_bytes(content.partition(CONTROL)[2][:4]) > 1
    if content.startswith(TIFF):
        with suppress(*DAMAGE), Image.open(io.BytesIO(content), formats=("TIFF",)) as picture:
            first = picture.size
            for page in range(1, 10):
                picture.seek(page)  # raises EOFError after the last
                if picture.size == first:
                    return True
    return _is_animated_webp(content) and content.count(b"ANMF") > 1


def _is_animated_webp(content: bytes) -> bool:
    head = content[:21]
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 21 and bool(head[20] & ANIMATION)


def not_a_video(content: bytes, where: str) -> FrameError:
    """Why a picture that was named as a recording is none."""
    if _is_animated_webp(content):
        path = PurePosixPath(where)
        command = f"magick {argument(path.name)} {argument(f'{path.stem}.gif')}"
        hint = f"Convert it, for example with ImageMagick: `{command}`."
        return FrameError(f"{where} is an animated WebP, which FFmpeg does not decode", hint)
    return FrameError(f"{where} is a single picture", "A clip is a folder of pictures, or a video.")
