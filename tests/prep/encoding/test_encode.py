"""Folders of images become frames of the store's size and codec, and a broken image is named."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from movies import SIDE, numbers, pictures

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.prep.encoding.encode import ENCODER, encode_clip
from sla_cli.store.codec import decode
from sla_cli.video.resize import fitted


@pytest.fixture
def folder(tmp_path: Path, phoenix_tree: Callable[..., Path]) -> Path:
    """A clip of 6 frames of 210 x 260 pixels."""
    root = phoenix_tree(tmp_path, {"train": [("a", "A", 6)]}, size=260)
    return root / "features" / "fullFrame-210x260px" / "train" / "a" / "1"


def frames(
    folder: Path, config: PrepConfig, fps: float | None = None, start: float | None = None, end: float | None = None
) -> list[np.ndarray]:
    """The decoded frames of a folder, BGR."""
    encoded = encode_clip(Source(folder.parent, folder.name, start, end), config, fps)
    assert (encoded.data.dtype, encoded.sizes.dtype) == (np.uint8, np.int64)
    assert encoded.sizes.sum() == len(encoded.data)
    images = [decode(part, config.codec, config.size) for part in np.split(encoded.data, encoded.sizes.cumsum()[:-1])]
    return [image for image in images if image is not None]


@pytest.mark.parametrize(("size", "least"), [(256, 40.0), (64, 34.0)])
def test_decoded_frames_are_the_resized_source(folder: Path, size: int, least: float) -> None:
    for path, image in zip(sorted(folder.iterdir()), frames(folder, PrepConfig(size)), strict=True):
        source = cv2.imread(str(path))
        assert source.shape == (260, 210, 3)
        # Compared with another resampling than ours, so that a shift or a transposed picture would show.
        assert cv2.PSNR(image, cv2.resize(source, (size, size), interpolation=cv2.INTER_LINEAR_EXACT)) > least - 6
        shrinks = size < 210
        ours = cv2.resize(source, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        assert cv2.PSNR(image, ours) > least


@pytest.mark.parametrize("codec", ["png", "raw"])
def test_lossless_codecs_lose_nothing(folder: Path, codec: str) -> None:
    config = PrepConfig(85, codec=codec)  # type: ignore[arg-type]
    for path, image in zip(sorted(folder.iterdir()), frames(folder, config), strict=True):
        expected = cv2.resize(cv2.imread(str(path)), (85, 85), interpolation=cv2.INTER_AREA)
        assert np.array_equal(image, expected)


def test_a_frame_of_the_wanted_size_is_not_resampled(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "0.png"), image)
    expected = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_COLOR)
    assert np.array_equal(frames(tmp_path, PrepConfig(32, quality=90))[0], expected)


def test_lower_quality_is_smaller_and_loses_more(folder: Path) -> None:
    source = Source(folder.parent, folder.name)
    encoded = [encode_clip(source, PrepConfig(256, quality=quality), None) for quality in (100, 95, 50)]
    sizes, errors = [len(one.data) for one in encoded], [one.squared_error for one in encoded]
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)


@pytest.mark.parametrize("kind", [".png", ".jpg", ".JPEG", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("pattern", ["images{:04d}", "frame{}", "a2-{}-0", "{}"])
def test_images_are_taken_in_order_of_their_numbers_and_nothing_else(tmp_path: Path, kind: str, pattern: str) -> None:
    names = [pattern.format(number) + kind for number in (0, 1, 2, 9, 10, 11, 100)]
    for name, image in zip(names, pictures(7), strict=True):
        (tmp_path / name).write_bytes(cv2.imencode(kind, image)[1].tobytes())
    strays = ["createDnnTrainingLabels-profile.py.lprof", "Thumbs.db", f"._{names[0]}", ".DS_Store", "x.png.part"]
    for name in strays:
        (tmp_path / name).write_bytes(b"x")
    assert numbers(frames(tmp_path, PrepConfig(SIDE, codec="raw"))) == list(range(7))


def test_grey_16_bit_and_transparent_images_become_colour(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.full((20, 16), 128, np.uint8))
    cv2.imwrite(str(tmp_path / "1.png"), np.full((20, 16), 128 * 256, np.uint16))
    cv2.imwrite(str(tmp_path / "2.png"), np.full((20, 16, 4), 128, np.uint8))
    found = frames(tmp_path, PrepConfig(16))
    assert len(found) == 3
    for image in found:
        assert np.abs(image.astype(int) - 128).max() <= 2


def test_colours_keep_their_places(tmp_path: Path) -> None:
    """A PNG written byte by byte: one red pixel is red after all."""
    red = chunks((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b"\0\xff\0\0")))
    (tmp_path / "0.png").write_bytes(red)
    [image] = frames(tmp_path, PrepConfig(16, codec="raw"))
    assert (image == (0, 0, 255)).all()  # BGR


@pytest.mark.parametrize(("rate", "expected"), [(12.5, range(0, 20, 2)), (50.0, [n // 2 for n in range(1, 41)])])
def test_a_folder_is_resampled_by_its_corpus_rate(tmp_path: Path, rate: float, expected: list[int]) -> None:
    for number, image in enumerate(pictures(20)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    config = PrepConfig(SIDE, codec="raw", fps=rate)
    taken = numbers(frames(tmp_path, config, 25.0))
    assert len(taken) == len(expected)
    assert all(abs(number / 25 - place / rate) <= 0.02 + 1e-9 for place, number in enumerate(taken))
    assert encode_clip(Source(tmp_path.parent, tmp_path.name), config, 25.0).fps == rate
    assert numbers(frames(tmp_path, PrepConfig(SIDE, codec="raw"), 25.0, 0.2, 0.4)) == list(range(5, 10))


def test_without_a_rate_times_mean_nothing(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), pictures(1)[0])
    assert encode_clip(Source(tmp_path.parent, tmp_path.name), PrepConfig(), None).fps == 0
    with pytest.raises(FrameError, match="whose frame rate is unknown"):
        frames(tmp_path, PrepConfig(fps=25.0))
    with pytest.raises(FrameError, match="whose frame rate is unknown"):
        frames(tmp_path, PrepConfig(), None, 0.0, 1.0)


def chunks(*parts: tuple[bytes, bytes]) -> bytes:
    """A PNG file."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in (*parts, (b"IEND", b"")))


def huge_png() -> bytes:
    """A small file that claims more pixels than OpenCV's limit."""
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    return chunks((b"IHDR", header), (b"IDAT", zlib.compress(b"0")))


SPOILT = {
    "zero bytes": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "without its end": lambda data: data[:-20],
    "a flipped byte": lambda data: data[:300] + bytes([data[300] ^ 255]) + data[301:],
    "a pointer to a file": lambda data: b"version https://git-lfs.github.com/spec/v1\n",
    "huge": lambda data: huge_png(),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_broken_frame_is_named(folder: Path, how: str) -> None:
    path = sorted(folder.iterdir())[3]
    path.write_bytes(SPOILT[how](path.read_bytes()))
    with pytest.raises(FrameError, match="does not decode as an image") as caught:
        frames(folder, PrepConfig(64))
    assert str(path) in caught.value.message


@pytest.mark.parametrize("how", ["zero bytes", "half", "without its end"])
def test_a_broken_jpeg_is_named(tmp_path: Path, how: str) -> None:
    """CSL-Daily has some. A byte that is wrong in its middle is another picture, which no decoder knows."""
    data = cv2.imencode(".jpg", pictures(1, 256)[0])[1].tobytes()
    (tmp_path / "000000.jpg").write_bytes(data)
    (tmp_path / "000001.jpg").write_bytes(SPOILT[how](data))
    with pytest.raises(FrameError, match=r"000001\.jpg does not decode as an image"):
        frames(tmp_path, PrepConfig(64))


def test_a_folder_that_is_gone_or_empty_is_named(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="holds no images"):
        frames(tmp_path, PrepConfig())
    with pytest.raises(FrameError, match=r"no such frame folder or video: .*gone"):
        frames(tmp_path / "gone", PrepConfig())
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FrameError, match=r"cannot read .*folder\.png: Is a directory"):
        frames(tmp_path, PrepConfig())


# What version 1 of the encoder makes of `ramp()`: the green of every second pixel of 8, and the mean of all colours.
VERSION_1 = {
    ("squash", 1.0): ([[16, 46, 76, 106], [55, 85, 115, 145], [95, 125, 155, 185], [135, 165, 195, 225]], 133.47),
    ("pad", 1.0): ([[0, 0, 0, 0], [53, 83, 113, 143], [117, 147, 177, 207], [0, 0, 0, 0]], 83.50),
    ("crop", 1.0): ([[32, 52, 72, 92], [72, 92, 112, 132], [112, 132, 152, 172], [152, 172, 192, 212]], 128.06),
    ("pad", 1.5): ([[0, 0, 0, 0], [25, 55, 85, 115], [105, 135, 165, 195], [0, 0, 0, 0]], None),
}


def ramp() -> np.ndarray:
    y, x = np.mgrid[:40, :60]
    red, blue = 120 + 100 * np.sin(x / 7) + 20 * np.cos(y / 3), 128 + 90 * np.cos((x + y) / 9)
    return np.clip(np.stack([blue, (4 * y + 2 * x) % 256, red], -1), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("fit", "aspect"), VERSION_1)
def test_who_changes_the_frames_changes_the_version(fit: str, aspect: float) -> None:
    """Stores take frames over by ENCODER: raise it, and write down here what the new version makes."""
    assert ENCODER == 1
    green, mean = VERSION_1[fit, aspect]
    image = fitted(ramp(), 8, fit, aspect)
    assert np.abs(image[::2, ::2, 1].astype(int) - green).max() <= 1
    assert mean is None or abs(image.mean() - mean) < 0.2


def test_the_rate_of_a_table_counts_before_that_of_the_corpus(folder: Path) -> None:
    source = Source(folder.parent, folder.name, 0.0, 0.3, fps=10.0)
    encoded = encode_clip(source, PrepConfig(32), 25.0)
    assert (encoded.fps, len(encoded.sizes)) == (10.0, 3)


def test_missing_frames_are_noted(tmp_path: Path, phoenix_tree: Callable[..., Path]) -> None:
    root = phoenix_tree(tmp_path, {"train": [("a", "A", 12)]})
    folder = root / "features" / "fullFrame-210x260px" / "train" / "a" / "1"
    source = Source(folder.parent, folder.name)
    assert encode_clip(source, PrepConfig(32), None, first=0).note == ""
    sorted(folder.iterdir())[3].unlink()
    assert encode_clip(source, PrepConfig(32), None).note == "frame 3 is missing"
    sorted(folder.iterdir())[0].unlink()
    assert encode_clip(source, PrepConfig(32), None, first=0).note == "frames 0 and 3 are missing"
