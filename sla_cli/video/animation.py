"""Files with the ending of a picture that hold several: animated PNG (APNG) and WebP."""

from __future__ import annotations

from pathlib import PurePosixPath

from sla_cli.errors import FrameError, argument

PNG = b"\x89PNG\r\n\x1a\n"
ANIMATION = 0x02  # flag of a WebP's first chunk (RFC 9649)


def is_animated_png(content: bytes) -> bool:
    """Whether a file is a PNG (third edition) of several pictures, which FFmpeg reads as a video."""
    return content.startswith(PNG) and b"acTL" in content.partition(b"IDAT")[0]


def not_a_video(content: bytes, where: str) -> FrameError:
    """Why a picture that was named as a recording is none."""
    head = content[:21]
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) == 21 and head[20] & ANIMATION:
        path = PurePosixPath(where)
        command = f"magick {argument(path.name)} {argument(f'{path.stem}.gif')}"
        hint = f"Convert it, for example with ImageMagick: `{command}`."
        return FrameError(f"{where} is an animated WebP, which FFmpeg does not decode", hint)
    return FrameError(f"{where} is a single picture", "A clip is a folder of pictures, or a video.")
