"""Codecs restore a frame, and detect bytes that are not a frame."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.store.codec import REDUCED, decode, encode


def picture(size: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5))


@settings(deadline=None)
@given(st.integers(1, 40), st.sampled_from(["png", "raw"]), st.integers(0, 9))
def test_lossless_codecs_bring_back_the_same(size: int, codec: str, seed: int) -> None:
    image = picture(size, seed)
    back = decode(encode(image, codec, 95), codec, size)
    assert back is not None and np.array_equal(back, image)


def test_raw_is_the_pixels_row_by_row() -> None:
    image = picture(8)
    assert encode(image, "raw", 95).tobytes() == image.tobytes()
    assert encode(image[:, ::-1], "raw", 95).tobytes() == image[:, ::-1].tobytes()


@pytest.mark.parametrize(("codec", "least"), [("jpeg", 35), ("png", 99)])
def test_other_programs_read_the_files(codec: str, least: float) -> None:
    """Matplotlib reads PNG by itself and JPEG through Pillow."""
    from matplotlib.image import imread

    image = picture(64)
    name = {"jpeg": "jpg"}.get(codec, codec)
    read = np.asarray(imread(io.BytesIO(encode(image, codec, 95).tobytes()), format=name), np.float64)
    read = read * 255 if read.max() <= 1 else read
    assert cv2.PSNR(np.round(read[..., 2::-1]).astype(np.uint8), image) > least


def test_quality_is_jpegs() -> None:
    image = picture(64)
    sizes = [len(encode(image, "jpeg", quality)) for quality in (50, 80, 95)]
    assert sizes == sorted(sizes)
    assert np.array_equal(encode(image, "png", 1), encode(image, "png", 100))


@pytest.mark.parametrize("codec", ["jpeg", "png", "raw"])
@pytest.mark.parametrize("reduce", REDUCED)
@pytest.mark.parametrize("size", [64, 50, 7])
def test_reduced_frames_are_the_average(codec: str, reduce: int, size: int) -> None:
    y, x = np.mgrid[:size, :size] * (160 / size)
    image = np.stack([x / 3 + y] * 3, axis=-1).astype(np.uint8)  # grey, since JPEG halves colour's resolution
    back = decode(encode(image, codec, 100), codec, size, reduce)
    side = -(-size // reduce)
    assert back is not None and back.shape == (side, side, 3)
    if size % reduce == 0:
        mean = image.reshape(side, reduce, side, reduce, 3).mean((1, 3))
        assert np.abs(back - mean).max() < 8


@pytest.mark.parametrize("codec", ["jpeg", "png", "raw"])
def test_what_is_no_frame_of_this_size_is_none(codec: str) -> None:
    data = encode(picture(32), codec, 95)
    for spoilt in (data[:0], data[:-5], data[: len(data) // 2], np.frombuffer(b"no picture", np.uint8)):
        assert decode(spoilt, codec, 32) is None
    for reduce in REDUCED:
        assert decode(data, codec, 48, reduce) is None
