"""Encodes a frame as bytes and decodes it: jpeg, png, or raw pixels."""

from __future__ import annotations

import cv2
import numpy as np

from sla_cli.artifact.bounded_decode import bounded_imdecode

REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def reduction(size: int, crop: float, image_size: int) -> int:
    """Factor by which frames of `size` pixels are reduced in decoding; their crop has at least `image_size` pixels."""
    return max((factor for factor in REDUCED if size * crop / factor >= image_size), default=1)


def encode(image: np.ndarray, codec: str, quality: int) -> np.ndarray:
    """A frame's bytes.

    Args:
        image: BGR uint8 (height, width, 3).
        codec: jpeg (chroma halved, as OpenCV does by default), png, or raw: the pixels' bytes, row by row.
        quality: quality of JPEG, 0 to 100; the other codecs are lossless.

    Returns:
        uint8 (bytes,).
    """
    if codec == "raw":
        return np.ascontiguousarray(image).ravel()
    suffix, options = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality]) if codec == "jpeg" else (".png", [])
    ok, data = cv2.imencode(suffix, image, options)
    if not ok:
        raise RuntimeError(f"OpenCV cannot encode {image.shape} {image.dtype} as {codec}")
    return data


def decode(data: np.ndarray, codec: str, size: int, reduce: int = 1) -> np.ndarray | None:
    """The frame decoded from bytes, or None if they are not a frame of this size.

    Args:
        data: uint8 (bytes,).
        size: pixels of both sides, as stored.
        reduce: 1, 2, 4 or 8: a fraction of the size, rounded up. JPEG decodes it in less time; the others average.

    Returns:
        BGR uint8 (side, side, 3), side = ceil(size / reduce).
    """
    if codec == "raw":
        image = data.reshape(size, size, 3) if len(data) == 3 * size * size else None
    else:
        image = _decode_file(data, REDUCED[reduce] if codec == "jpeg" else cv2.IMREAD_COLOR)
    side = -(-size // reduce)
    if image is None or image.shape == (side, side, 3):
        return image
    if codec == "jpeg" or image.shape != (size, size, 3):
        return None
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def _decode_file(data: np.ndarray, flags: int) -> np.ndarray | None:
    try:
        return bounded_imdecode(data, flags) if len(data) else None
    except ValueError:  # it states more pixels than any frame has
        return None
