from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from sla_cli.data.augment import PixelTransform
from sla_cli.data.batching import Batch, Sample, collate, to_pixels

MEAN, STD = (0.48, 0.45, 0.41), (0.27, 0.26, 0.25)
CORNERS = ((0.0, 1.0), (0.5, 0.5), (0.9, 0.13))
LENGTHS = (3, 1, 2)


def samples(size: int = 32) -> list[Sample]:
    rng = np.random.default_rng(0)
    targets = ((2, 2, 1), (), (3,))
    return [
        Sample(
            f"clip-{n}",
            rng.integers(0, 256, (length, size, size, 3), np.uint8),
            PixelTransform(*CORNERS[n], n != 1),
            targets[n],
        )
        for n, length in enumerate(LENGTHS)
    ]


def pixels(batch: Batch, crop: float, size: int) -> np.ndarray:
    like = SimpleNamespace(mean=MEAN, std=STD, interpolation="bilinear")
    made = to_pixels(batch, crop=crop, size=size, like=like, device=torch.device("cpu"))
    assert made.dtype == torch.float32
    return made.numpy()


def cropped(sample: Sample, side: int) -> np.ndarray:
    """float64 (frames, side, side, 3), by slicing."""
    free = sample.frames.shape[1] - side
    top, left = round(sample.transform.top * free), round(sample.transform.left * free)
    part = sample.frames[:, top : top + side, left : left + side].astype(float)
    return part[:, :, ::-1] if sample.transform.flip else part


def normalised(frames: np.ndarray) -> np.ndarray:
    return ((frames / 255 - np.array(MEAN)) / np.array(STD)).transpose(0, 3, 1, 2)


def test_what_frames_show_stands_at_the_frames_of_its_clips() -> None:
    assert collate(samples()).shown is None
    first, second, third = samples()
    batch = collate([replace(first, shown=np.array([0, 2])), second, replace(third, shown=np.array([-1, 0, 3]))])
    assert batch.shown is not None
    assert batch.shown.tolist() == [0, 2, *[-1] * len(second.frames), -1, 0, 3]


def test_clips_one_after_the_other() -> None:
    batch = collate(samples())
    assert batch.ids == ("clip-0", "clip-1", "clip-2")
    assert batch.frames.dtype == torch.uint8
    assert batch.lengths.tolist() == list(LENGTHS)
    assert batch.targets.tolist() == [2, 2, 1, 3]
    assert batch.targets.dtype == torch.int64
    assert batch.target_lengths.tolist() == [3, 0, 1]
    for part, sample in zip(batch.frames.split(list(LENGTHS)), samples(), strict=True):
        assert np.array_equal(part.numpy(), sample.frames)


@pytest.mark.parametrize(("crop", "side"), [(1.0, 32), (0.875, 28), (0.5, 16)])
def test_crop_mirror_and_normalise_are_the_naive_ones(crop: float, side: int) -> None:
    expected = np.concatenate([normalised(cropped(sample, side)) for sample in samples()])
    np.testing.assert_allclose(pixels(collate(samples()), crop, side), expected, atol=1e-5)


@pytest.mark.parametrize("size", [14, 24, 40])
def test_resizing_is_pillows(size: int) -> None:
    def resized(channel: np.ndarray) -> np.ndarray:
        return np.asarray(Image.fromarray(channel.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR))

    expected = []
    for sample in samples():
        for frame in cropped(sample, 28):
            expected.append(np.stack([resized(frame[..., channel]) for channel in range(3)], axis=-1))
    np.testing.assert_allclose(pixels(collate(samples()), 0.875, size), normalised(np.stack(expected)), atol=1e-3)


def test_mirroring_twice_is_nothing() -> None:
    plain = [replace(sample, transform=PixelTransform()) for sample in samples()]
    mirrored = [replace(sample, transform=replace(sample.transform, flip=True)) for sample in plain]
    assert np.array_equal(pixels(collate(mirrored), 0.75, 24)[..., ::-1], pixels(collate(plain), 0.75, 24))


def test_a_clips_pixels_depend_on_no_other_clip() -> None:
    together = pixels(collate(samples()), 0.875, 14)
    alone = [pixels(collate([sample]), 0.875, 14) for sample in samples()]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


@pytest.mark.parametrize("factors", [(1.3, 1.0, 1.0), (1.0, 0.6, 1.0), (1.0, 1.0, 1.4), (0.8, 1.2, 0.5)])
def test_colours_change_as_pillow_changes_them(factors: tuple[float, float, float]) -> None:
    """One frame, so that the clip's mean is the frame's; Pillow rounds to whole levels after each step."""
    sample = replace(samples()[1], transform=PixelTransform(colour=factors))
    image = Image.fromarray(sample.frames[0])
    for factor, kind in zip(factors, (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color), strict=True):
        image = kind(image).enhance(factor)
    expected = normalised(np.asarray(image, dtype=float)[None])
    np.testing.assert_allclose(pixels(collate([sample]), 1.0, 32), expected, atol=4 / 255 / min(STD))


def test_all_frames_of_a_clip_and_no_others_are_recoloured_alike() -> None:
    first, second, third = samples()
    dark = replace(second, transform=replace(second.transform, colour=(0.5, 1.0, 1.0)))
    plain, changed = (pixels(collate([first, other, third]), 0.875, 28) for other in (second, dark))
    assert np.array_equal(plain[:3], changed[:3])
    assert np.array_equal(plain[4:], changed[4:])
    level = (changed[3] * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]) * 255
    before = (plain[3] * np.array(STD)[:, None, None] + np.array(MEAN)[:, None, None]) * 255
    np.testing.assert_allclose(level, before / 2, atol=1e-3)


def test_a_hole_is_the_mean_colour_in_every_frame_of_its_clip() -> None:
    first, second, third = samples()
    holed = replace(first, transform=replace(first.transform, hole=(0.25, 0.5, 0.25, 0.125)))
    plain, changed = (pixels(collate([one, second, third]), 1.0, 32) for one in (first, holed))
    expected = plain.copy()
    expected[:3, :, 8:16, 16:20] = 0
    assert np.array_equal(changed, expected)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [20, 50])
def test_pictures_are_resized_as_pillow_does(interpolation: str, size: int) -> None:
    """Which is how the backbones were trained. Pillow rounds, and cuts off, after each direction: no extreme greys."""
    [sample, *_] = samples()
    sample = replace(sample, frames=sample.frames // 2 + 64)
    batch = collate([sample])
    like = SimpleNamespace(mean=(0, 0, 0), std=(1, 1, 1), interpolation=interpolation)
    found = to_pixels(batch, crop=1.0, size=size, like=like, device=torch.device("cpu"))
    picture = sample.frames[0][:, ::-1] if sample.transform.flip else sample.frames[0]
    method = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}[interpolation]
    expected = np.asarray(Image.fromarray(np.ascontiguousarray(picture)).resize((size, size), method), np.float32)
    assert np.abs(found[0].permute(1, 2, 0).numpy() * 255 - expected).max() < 1.5
