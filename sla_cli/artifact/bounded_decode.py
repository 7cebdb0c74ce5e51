"""Decodes one picture, with a bound on its pixels that is checked before memory is reserved for them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import cv2
import numpy as np
from PIL import Image

from sla_cli import OPENCV_WAS_FIRST
from sla_cli.config.bounds import PICTURE

PNG = b"\x89PNG\r\n\x1a\n"
LAST, OF_ANIMATIONS = b"IEND", (b"acTL", b"fcTL", b"fdAT")  # chunks of a PNG (third edition)
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "TIFF")
DAMAGE = (OSError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, SyntaxError, struct.error)


def is_animated_png(content: bytes) -> bool:
    """Whether a file is a PNG (third edition) of several pictures, which FFmpeg reads as a video."""
    return any(name in OF_ANIMATIONS for name, _ in _chunks(content))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bool]]:
    """The name of each chunk of a PNG, and whether the data that it states is there; none of another file."""
    place, name = len(PNG), b""
    while content.startswith(PNG) and place <= len(content) and name != LAST:
        size, name = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
        place += 8 + size
        yield name, place <= len(content)
        place += 4  # of its checksum


def bounded_imdecode(data: np.ndarray, flags: int) -> np.ndarray | None:
    """As `cv2.imdecode`, and None for what OpenCV does not decode.

    OpenCV itself compares the size that a picture states, unless it was imported before sla told it the bound: then
    Pillow reads the size first, which takes a tenth of the time of decoding.

    Args:
        data: uint8 (bytes,), a PNG, JPEG, BMP, WebP or TIFF.
        flags: of `cv2.imdecode`.

    Raises:
        ValueError: it states more than `PICTURE` pixels, or is an animated PNG.
    """
    for name, is_whole in _chunks(data.tobytes()):
        if name in OF_ANIMATIONS:  # OpenCV 4.11 would take the first picture, and a damaged one ends the process
            raise ValueError("holds several pictures")
        if not is_whole:  # it reserves the memory that a chunk states, up to 4 GB
            return None
    too_large = f"states more than {PICTURE // 10**6} million pixels"
    if OPENCV_WAS_FIRST:
        stated = _stated_pixels(data.tobytes())
        if stated is None:
            return None
        if stated > PICTURE:
            raise ValueError(too_large)
    try:
        return cv2.imdecode(data, flags)
    except cv2.error as error:
        if "PIXELS" not in error.err:
            return None
        raise ValueError(too_large) from error


def _stated_pixels(data: bytes) -> int | None:
    """Pixels that a picture states, None if it states none."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            return picture.width * picture.height
    except Image.DecompressionBombError:
        return PICTURE + 1
    except DAMAGE:
        return None
