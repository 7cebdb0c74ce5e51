"""Frames keep their picture through resizing and JPEG, and a broken one is named."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from sla_cli.config import PrepConfig
from sla_cli.prep.frames import FrameError, encode_frames, list_images


@pytest.fixture
def folder(tmp_path: Path, phoenix_tree: Callable[..., Path]) -> Path:
    """A clip of 6 frames of 210 x 260 pixels."""
    root = phoenix_tree(tmp_path, {"train": [("a", "A", 6)]}, size=260)
    return root / "features" / "fullFrame-210x260px" / "train" / "a" / "1"


def decode(folder: Path, config: PrepConfig) -> list[np.ndarray]:
    data, sizes = encode_frames(folder, config)
    assert (data.dtype, sizes.dtype) == (np.uint8, np.int64)
    assert sizes.sum() == len(data)
    return [cv2.imdecode(part, cv2.IMREAD_COLOR) for part in np.split(data, sizes.cumsum()[:-1])]


@pytest.mark.parametrize(("size", "least"), [(256, 40.0), (64, 34.0)])
def test_decoded_frames_are_the_resized_source(folder: Path, size: int, least: float) -> None:
    images = decode(folder, PrepConfig(size, 95))
    for path, image in zip(sorted(folder.iterdir()), images, strict=True):
        source = cv2.imread(str(path))
        assert source.shape == (260, 210, 3)
        # Compared with another resampling than ours, so that a shift or a transposed picture would show.
        assert cv2.PSNR(image, cv2.resize(source, (size, size), interpolation=cv2.INTER_LINEAR_EXACT)) > least - 6
        shrinks = size < 210
        ours = cv2.resize(source, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        assert cv2.PSNR(image, ours) > least


def test_a_frame_of_the_wanted_size_is_not_resampled(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "0.png"), image)
    expected = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)
    assert np.array_equal(decode(tmp_path, PrepConfig(32, 90))[0], expected)


def test_lower_quality_is_smaller(folder: Path) -> None:
    sizes = [len(encode_frames(folder, PrepConfig(256, quality))[0]) for quality in (100, 95, 50)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".JPEG", ".bmp", ".webp"])
def test_images_are_taken_in_order_of_name_and_nothing_else(tmp_path: Path, kind: str) -> None:
    names = [f"images{number:04d}{kind}" for number in (1, 2, 10, 100)]
    strays = ["createDnnTrainingLabels-profile.py.lprof", "Thumbs.db", f"._images0001{kind}", ".DS_Store", "x.png.part"]
    for number, name in enumerate([*reversed(names), *strays]):
        image = np.full((16, 16, 3), 40 * (number % 4), np.uint8)
        (tmp_path / name).write_bytes(cv2.imencode(kind, image)[1].tobytes())
    assert [path.name for path in list_images(tmp_path)] == names
    levels = [round(image.mean() / 40) for image in decode(tmp_path, PrepConfig(16, 95))]
    assert levels == [3, 2, 1, 0]


def test_grey_16_bit_and_transparent_images_become_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.full((20, 16), 128, np.uint8))
    cv2.imwrite(str(tmp_path / "1.png"), np.full((20, 16), 128 * 256, np.uint16))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((20, 16, 4), 128, np.uint8))
    for image in decode(tmp_path, PrepConfig(16, 95)):
        assert image.shape == (16, 16, 3)
        assert np.abs(image.astype(int) - 128).max() <= 2


def huge_png() -> bytes:
    """A small file that claims more pixels than OpenCV's limit."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-20],
        lambda data: data[:300] + bytes([data[300] ^ 255]) + data[301:],
        lambda data: b"version https://git-lfs.github.com/spec/v1\n",
        lambda data: huge_png(),
    ],
    ids=["zero bytes", "half", "without its end", "a flipped byte", "a pointer to a file", "huge"],
)
def test_a_broken_frame_is_named(folder: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = sorted(folder.iterdir())[3]
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(FrameError, match="does not decode as an image") as caught:
        encode_frames(folder, PrepConfig(64, 95))
    assert str(path) in caught.value.message


def test_a_folder_that_is_gone_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="holds no images"):
        encode_frames(tmp_path, PrepConfig())
    with pytest.raises(FrameError, match=r"cannot read .*gone: No such file"):
        encode_frames(tmp_path / "gone", PrepConfig())
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FrameError, match=r"cannot read .*folder\.png: Is a directory"):
        encode_frames(tmp_path, PrepConfig())
