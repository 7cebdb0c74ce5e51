"""Decodes single pictures, which strangers may have made."""

from __future__ import annotations

import re

import cv2
import numpy as np

from sla_cli.artifact.bounded_decode import bounded_imdecode
from sla_cli.video.animation import holds_several

# First bytes of PNG, JPEG, BMP, WebP (in a RIFF, which states a length of four bytes) and TIFF, also BigTIFF.
# OpenCV reads more formats, some of them with other values than 0 to 255, whatever the ending of the name.
PICTURES = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|BM|RIFF.{4}WEBP|II[*+]\0|MM\0[*+]", re.DOTALL)
JPEG = b"\xff\xd8\xff"
SCAN = b"\xff\xda"  # begins a scan of a JPEG, in which each passes over all pixels; others have one, or about ten
MOST_SCANS = 100


def decode_picture(data: bytes) -> np.ndarray | None:
    """A picture as BGR uint8 (height, width, 3), turned as its mark of orientation says; None for what is none.

    Grey, 16-bit and transparent pictures get this form too.

    Raises:
        ValueError: it states more pixels, or has more scans, than any picture has that is read, or holds several
            pictures, of which one would be read and the others lost.
    """
    if not PICTURES.match(data):
        return None
    if data.startswith(JPEG) and data.count(SCAN) > MOST_SCANS:
        raise ValueError(f"has more than {MOST_SCANS} scans")
    picture = bounded_imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is not None and holds_several(data):
        raise ValueError("holds several pictures")
    return picture
