"""Resizes a picture of any size to the store's square."""

from __future__ import annotations

import cv2
import numpy as np

STEEP = 2.0  # a side that shrinks by more is averaged even if the other grows; below this, cubic has little aliasing
LARGE = 2.5  # times both target sides: a larger picture is first reduced by whole blocks
MOST = 3.0  # times a target side: below this, a bilinear picture of twice the target has hardly any aliasing


def fitted(image: np.ndarray, size: int, fit: str, pixel_aspect: float = 1.0) -> np.ndarray:
    """The picture resized to a square of `size` pixels.

    Args:
        image: uint8 (height, width, 3).
        fit: squash stretches each side to the square (as VAC does); pad keeps the aspect and puts black bars on
            both sides; crop keeps the aspect and takes the square in the middle.
        pixel_aspect: width of a pixel over its height: pad and crop keep the aspect of the scene. The picture is
            resized only once, for any shape of pixels.

    Returns:
        uint8 (size, size, 3).
    """
    height, width = image.shape[:2]
    true_width = width * pixel_aspect
    if fit == "pad":
        longer = max(height, true_width)
        inner = resized(image, max(1, round(true_width * size / longer)), max(1, round(height * size / longer)))
        top, left = (size - inner.shape[0]) // 2, (size - inner.shape[1]) // 2
        square = np.zeros((size, size, 3), np.uint8)
        square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
        return square
    if fit == "crop":
        side = min(height, true_width)
        rows, columns = max(1, round(side)), max(1, round(side / pixel_aspect))
        top, left = (height - rows) // 2, (width - columns) // 2
        image = image[top : top + rows, left : left + columns]
    return resized(image, size, size)


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture at another size: area averaging if it shrinks, cubic if a side grows."""
    old_height, old_width = image.shape[:2]
    if (old_height, old_width) == (height, width):
        return image
    if old_height >= height and old_width >= width:
        return cv2.resize(_quick(image, width, height), (width, height), interpolation=cv2.INTER_AREA)
    if old_height > STEEP * height or old_width > STEEP * width:
        image = cv2.resize(image, (min(old_width, width), min(old_height, height)), interpolation=cv2.INTER_AREA)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)


def _quick(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The picture at a multiple of the target sides, if its size is near one: OpenCV averages whole blocks ten times
    faster than parts of pixels. A natural picture has 49 dB against exact areas; plain bilinear shrinking has 41."""
    old_height, old_width = image.shape[:2]
    if not old_height % height and not old_width % width:
        return image
    even = not old_height % 2 and not old_width % 2
    if even and old_height >= LARGE * height and old_width >= LARGE * width:
        half = cv2.resize(image, (old_width // 2, old_height // 2), interpolation=cv2.INTER_AREA)
        return _quick(half, width, height)
    if old_height > MOST * height or old_width > MOST * width:
        return image
    return cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
