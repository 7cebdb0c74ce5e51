"""Pictures with square pixels, which is what a stream takes."""

from __future__ import annotations

import numpy as np

from sla_cli.config.bounds import PICTURE
from sla_cli.video.resize import resized


def squared(picture: np.ndarray, pixel_aspect: float) -> np.ndarray:
    """The picture as a player shows it.

    Args:
        picture: uint8 (height, width, 3).
        pixel_aspect: width of a pixel over its height.
    """
    height, width = picture.shape[:2]
    wide = max(1, round(width * pixel_aspect))
    if wide * height > PICTURE:  # no stream takes it
        return resized(picture, width, max(1, round(height / pixel_aspect)))
    return resized(picture, wide, height)
