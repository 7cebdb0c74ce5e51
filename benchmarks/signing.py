"""Pictures of signing for benchmarks: real clips if the shared material exists, else drawn ones with noise."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

CLIPS = Path(__file__).parents[2] / "shared" / "data" / "isl-emergency" / "clips"
TINT = np.array([0.80, 0.90, 1.00], np.float32)  # the real clips are grey, which makes their files smaller
SOFTNESS = 0.6  # pixels; a PNG of 210x260 then has about the mean size of Phoenix2014, 55 KB (53 GB in 963,664 frames)


def pictures(count: int, width: int, height: int) -> Iterator[np.ndarray]:
    """`count` frames, BGR uint8 (height, width, 3), in the order of their clips."""
    for found in islice(_real() if CLIPS.is_dir() else _drawn(), count):
        image = cv2.resize(found, (width, height), interpolation=cv2.INTER_CUBIC)
        soft = cv2.GaussianBlur(image, (0, 0), SOFTNESS * width / 210)
        yield (soft * TINT).astype(np.uint8)


def _real() -> Iterator[np.ndarray]:
    """The real frames, repeated."""
    while True:
        for path in sorted(CLIPS.glob("*/*.mp4")):
            capture = cv2.VideoCapture(str(path))
            while (answer := capture.read())[0]:
                yield np.asarray(answer[1])


def _drawn() -> Iterator[np.ndarray]:
    """A head and two hands in front of a wall, with sensor noise."""
    rng = np.random.default_rng(0)
    wall = cv2.GaussianBlur(rng.integers(60, 200, (256, 256, 3), np.uint8), (0, 0), 12)
    time = 0
    while True:
        image = wall.copy()
        hands = [(int(128 + side * (40 + 20 * np.sin(time / 9))), int(170 + 40 * np.cos(time / 7))) for side in (-1, 1)]
        for centre, radius in (((128, 80), 34), (hands[0], 16), (hands[1], 16)):
            cv2.circle(image, centre, radius, (150, 170, 210), -1, cv2.LINE_AA)
        yield np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)
        time += 1
