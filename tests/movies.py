"""Small videos made and read by ffmpeg itself: what tests of video reading compare with."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

SIDE = 64


def ffmpeg(*arguments: str, given: bytes = b"") -> bytes:
    """Run ffmpeg quietly and return what it writes to stdout."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout


def need_encoder(name: str) -> None:
    """Skip the test where ffmpeg was built without an encoder."""
    if f" {name} ".encode() not in encoders():
        pytest.skip(f"this ffmpeg has no encoder {name}")


@cache
def encoders() -> bytes:
    return ffmpeg("-encoders")


def pictures(count: int, side: int = SIDE) -> np.ndarray:
    """BGR uint8 (count, side, side, 3): no two alike, and neither mirrored, turned nor with colours swapped alike."""
    images = np.zeros((count, side, side, 3), np.uint8)
    half = side // 2
    for number, image in enumerate(images):
        image[:half, :half] = (200, 40, 40)  # blue, top left
        image[:half, half:] = (40, 40, 200)  # red, top right
        image[half:, :half] = 16 + 223 * (number % 16) / 15  # grey that counts, bottom left
        image[half:, half:] = 16 + 223 * (number // 16) / 15  # and bottom right
    return images


def numbers(images: np.ndarray | Sequence[np.ndarray]) -> list[int]:
    """Which of `pictures` each image is."""
    found = []
    for image in images:
        rows, columns = slice(5 * len(image) // 8, 7 * len(image) // 8), image.shape[1] // 8
        low = image[rows, columns : 3 * columns].mean()
        high = image[rows, 5 * columns : 7 * columns].mean()
        found.append(round((low - 16) * 15 / 223) + 16 * round((high - 16) * 15 / 223))
    return found


def movie(path: Path, images: np.ndarray, *options: str, rate: float = 25) -> Path:
    """Write pictures as a video; the file's name chooses the container."""
    height, width = images.shape[1:3]
    raw = ("-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{width}x{height}", "-r", str(rate), "-i", "-")
    ffmpeg(*raw, *(options or ("-pix_fmt", "yuv420p")), str(path), given=images.tobytes())
    return path


def as_ffmpeg_shows(path: Path, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """All frames, BGR uint8 (frames, height, width, 3), turned upright."""
    data = ffmpeg("-i", str(path), "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)
