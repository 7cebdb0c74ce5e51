"""Pictures of strangers."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sla_cli.store.codec import decode
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


def test_a_damaged_animated_png_does_not_end_the_process() -> None:
    """OpenCV 4.11 ends with a segmentation fault."""
    file = io.BytesIO()
    frames = [Image.new("RGB", (24, 24), color) for color in ("black", "white", "red")]
    frames[0].save(file, format="PNG", save_all=True, append_images=frames[1:])
    whole = file.getvalue()
    for place in range(8, len(whole)):
        for changed in (whole[:place] + b"\xff" + whole[place + 1 :], whole[:place]):
            with suppress(ValueError):
                decode_picture(changed)
            decode(np.frombuffer(changed, np.uint8), "png", 24)


def png_of(side: int) -> bytes:
    """Black, one bit a pixel, so that 900 million pixels are 110 kB."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + side // 8)) for _ in range(side)) + rows.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def png_of_stated_size() -> bytes:
    """A chunk of 4 GB in 300 bytes."""
    whole = png_of(100)
    place = whole.index(b"IDAT")
    return whole[: place - 4] + b"\xff\xff\xff\xf0" + whole[place:]


DECODING = """
import {first}
import sys
from pathlib import Path
import numpy as np
from sla_cli.store.codec import decode
from sla_cli.video.picture import decode_picture
for path in sorted(Path(sys.argv[1]).iterdir()):
    data = path.read_bytes()
    try:
        image = decode_picture(data)
        print(path.name, image if image is None else image.shape)
    except ValueError as error:
        print(path.name, error)
    if path.suffix == ".png":
        print("in a store", decode(np.frombuffer(data, np.uint8), "png", 20) is not None)
status = Path("/proc/self/status")  # ru_maxrss would be that of pytest before this program began
peak = [int(line.split()[1]) for line in (status.open() if status.exists() else ()) if line.startswith("VmHWM")]
assert max(peak, default=0) < 1 << 20, "kB; 900 million pixels take 2.7 GB"
"""


@pytest.mark.parametrize("first", ["cv2", "sla_cli"])
def test_a_picture_that_states_too_many_pixels_is_refused_whoever_imported_opencv(tmp_path: Path, first: str) -> None:
    """OpenCV's own bound is set when sla is imported, and read when OpenCV is."""
    kinds = [".jpg", ".png", ".bmp", ".webp", ".tiff"]
    for kind in kinds:
        cv2.imwrite(str(tmp_path / f"small{kind}"), np.full((20, 20, 3), 90, np.uint8))
    (tmp_path / "large.png").write_bytes(png_of(30000))
    (tmp_path / "length.png").write_bytes(png_of_stated_size())
    (tmp_path / "cut.png").write_bytes(png_of(100)[:20])
    command = [sys.executable, "-c", DECODING.format(first=first), str(tmp_path)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("OPENCV_IO_")}  # not told by us
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    assert answer.returncode == 0, answer.stderr
    expected = ["cut.png None", "in a store False", "large.png states more than 64 million pixels", "in a store False"]
    expected += ["length.png None", "in a store False"]
    for kind in sorted(kinds):
        expected += [f"small{kind} (20, 20, 3)", *(["in a store True"] if kind == ".png" else [])]
    assert answer.stdout.splitlines() == expected
