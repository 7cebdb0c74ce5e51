"""Image files into JPEG bytes of the store's size."""

from __future__ import annotations

import os
from pathlib import Path, PurePath

import cv2
import numpy as np

from sla_cli.config import PrepConfig
from sla_cli.errors import SlaError

IMAGES = {".png", ".jpg", ".jpeg", ".bmp", ".webp"}


class FrameError(SlaError):
    """A frame that cannot be read; costs its clip, not the others."""


def list_images(folder: Path) -> list[Path]:
    """Image files of a folder in order of name (the corpora number with leading zeros); nothing else is taken.

    Hidden files are left out: a Mac puts a `._NAME.png` that is no image beside each file it copies.

    Raises:
        FrameError: the folder cannot be read.
    """
    try:
        names = [entry.name for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError as error:
        raise FrameError(f"cannot read {folder}: {error.strerror}") from error
    return [folder / name for name in sorted(names) if PurePath(name).suffix.lower() in IMAGES]


def encode_frames(folder: Path, config: PrepConfig) -> tuple[np.ndarray, np.ndarray]:
    """Read, resize and encode a clip's frames from a folder of images.

    The picture is squashed to a square as in the lineage; area averaging where it shrinks, cubic where it grows.

    Returns:
        The JPEG files one after the other, uint8 (bytes,), and the bytes of each, int64 (frames,).

    Raises:
        FrameError: a frame does not decode (names the file), or there is none.
    """
    parts = [_encode(path, config) for path in list_images(folder)]
    if not parts:
        raise FrameError(f"{folder} holds no images")
    return np.concatenate(parts), np.array([len(part) for part in parts], np.int64)


def _encode(path: Path, config: PrepConfig) -> np.ndarray:
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise FrameError(f"cannot read {path}: {error.strerror}") from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except cv2.error as error:  # a header that claims more pixels than OpenCV's limit
        raise FrameError(f"{path} does not decode as an image ({error.err})") from error
    if image is None:
        raise FrameError(f"{path} does not decode as an image ({len(data)} bytes)")
    if image.shape[:2] != (config.size, config.size):
        shrinks = image.shape[0] >= config.size and image.shape[1] >= config.size
        way = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        image = cv2.resize(image, (config.size, config.size), interpolation=way)
    ok, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, config.quality])
    if not ok:
        raise FrameError(f"{path}: OpenCV cannot encode the frame as JPEG")
    return jpeg
