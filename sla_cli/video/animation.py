"""Files with the ending of a picture that hold several: animated WebP, and TIFF of several pages."""

from __future__ import annotations

import io
import warnings
from contextlib import suppress
from pathlib import PurePosixPath

from PIL import Image

from sla_cli.artifact.bounded_decode import DAMAGE
from sla_cli.errors import FrameError, argument

ANIMATION = 0x02  # flag of a WebP's first chunk (RFC 9649)
TIFF = (b"II", b"MM")

warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")  # of damage in pages that are not decoded


def holds_several(content: bytes) -> bool:
    """Whether a TIFF or WebP that was decoded has further pictures; a small copy in a TIFF does not count."""
    if content.startswith(TIFF):
        with (
            suppress(*DAMAGE, Image.DecompressionBombError),
            Image.open(io.BytesIO(content), formats=("TIFF",)) as picture,
        ):
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
