"""Pictures of strangers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize("first", ["cv2", "sla_cli"])
def test_a_picture_that_states_too_many_pixels_is_refused_whoever_imported_opencv(tmp_path: Path, first: str) -> None:
    """OpenCV's own bound is set when sla is imported, and read when OpenCV is."""
    kinds = [".png", ".jpg", ".bmp", ".webp", ".tiff"]
    for kind in kinds:
        cv2.imwrite(str(tmp_path / f"small{kind}"), np.full((20, 30, 3), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "large.png"), np.zeros((8200, 8200), np.uint8))
    cv2.imwrite(str(tmp_path / "large.jpg"), np.zeros((8200, 8200), np.uint8))
    code = f"""
import {first}
import sys
from pathlib import Path
from sla_cli.video.picture import decode_picture
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        print(path.name, decode_picture(path.read_bytes()).shape)
    except ValueError as error:
        print(path.name, error)
"""
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    large = [f"large{kind} states more than 64 million pixels" for kind in (".jpg", ".png")]
    assert answer.stdout.splitlines() == sorted([*large, *(f"small{kind} (20, 30, 3)" for kind in kinds)])
