"""Pictures of strangers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from sla_cli.video.picture import MOST_SCANS, SCAN, decode_picture


def test_a_jpeg_of_thousands_of_scans_is_refused_and_a_progressive_one_is_read() -> None:
    """Each scan of some bytes passes over all pixels: 529 KB took minutes."""
    image = np.full((64, 64, 3), 128, np.uint8)
    whole = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last, end = whole.rindex(SCAN), whole[-2:]
    assert whole.count(SCAN) > 5 and decode_picture(whole) is not None
    assert decode_picture(whole[:-2] + whole[last:-2] * 50 + end) is not None
    with pytest.raises(ValueError, match=f"more than {MOST_SCANS} scans"):
        decode_picture(whole[:-2] + whole[last:-2] * 2500 + end)
