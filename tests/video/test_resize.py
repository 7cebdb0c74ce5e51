"""Squash, pad and crop put things where they should be, at any size."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.video.resize import fitted, resized

SIDES = st.integers(1, 90)


def ramp(height: int, width: int) -> np.ndarray:
    """Green grows to the right, red downwards."""
    image = np.full((height, width, 3), 90, np.uint8)
    image[..., 1] = np.linspace(50, 250, width)
    image[..., 2] = np.linspace(50, 250, height)[:, None]
    return image


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(1, 80), st.sampled_from(["squash", "pad", "crop"]))
def test_the_result_is_a_square_of_the_size(height: int, width: int, size: int, fit: str) -> None:
    image = fitted(np.full((height, width, 3), 77, np.uint8), size, fit)
    assert image.shape == (size, size, 3)
    assert set(np.unique(image)) <= ({0, 77} if fit == "pad" else {77})  # an even picture stays even


def test_squash_stretches_both_sides_to_the_edges() -> None:
    image = fitted(ramp(120, 60), 80, "squash").astype(int)
    assert np.abs(image - ramp(80, 80)).max() <= 4


@pytest.mark.parametrize(("height", "width"), [(260, 210), (210, 260), (1080, 1920), (30, 20)])
def test_pad_keeps_the_whole_picture_and_its_aspect(height: int, width: int) -> None:
    image = fitted(np.full((height, width, 3), 200, np.uint8), 64, "pad")
    rows, columns = np.flatnonzero(image.any((1, 2))), np.flatnonzero(image.any((0, 2)))
    assert len(rows) / len(columns) == pytest.approx(height / width, rel=0.03)
    assert max(len(rows), len(columns)) == 64
    for used in (rows, columns):
        assert abs(used[0] - (63 - used[-1])) <= 1  # in the middle
        assert np.array_equal(used, np.arange(used[0], used[-1] + 1))


def test_crop_takes_the_middle() -> None:
    image = np.zeros((100, 180, 3), np.uint8)
    image[:, 40:140] = 255
    assert (fitted(image, 50, "crop") == 255).all()
    assert (fitted(image.transpose(1, 0, 2), 50, "crop") == 255).all()


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_shrinking_averages(factor: int) -> None:
    """Fine stripes become their mean instead of other stripes; numpy's block mean is the reference."""
    image = np.random.default_rng(0).integers(0, 256, (16 * factor, 16 * factor, 3), np.uint8)
    expected = image.reshape(16, factor, 16, factor, 3).mean((1, 3))
    assert np.abs(resized(image, 16, 16) - expected).max() <= 0.51


def test_a_side_that_shrinks_much_is_averaged_though_the_other_grows() -> None:
    stripes = np.zeros((400, 20, 3), np.uint8)
    stripes[::2] = 200
    assert np.abs(resized(stripes, 40, 40).astype(int) - 100).max() <= 2


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1920, 1080), (480, 640), (576, 720)])
def test_large_pictures_shrink_as_numpys_areas_do(height: int, width: int) -> None:
    """The mean over each target pixel's area, by cumulative sums."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (height // 20, width // 20, 3), np.uint8)
    image = resized(small, width, height)

    def area_means(rows: np.ndarray, count: int) -> np.ndarray:
        sums = np.concatenate([np.zeros((1, *rows.shape[1:])), rows.cumsum(0)])
        edges = np.linspace(0, len(rows), count + 1)
        low = np.minimum(edges.astype(int), len(rows) - 1)
        at = sums[low] + (edges - low).reshape(-1, 1, 1) * rows[low]
        return np.diff(at, axis=0) * count / len(rows)

    down = area_means(image.astype(np.float64), 64)
    expected = area_means(down.transpose(1, 0, 2), 64).transpose(1, 0, 2)
    # Halving first blurs a little, where OpenCV's default picks two pixels of many.
    ours, usual = resized(image, 64, 64), cv2.resize(image, (64, 64))
    assert np.abs(ours - expected).mean() < min(4, np.abs(usual - expected).mean() / 2)


ASPECTS = st.sampled_from([4 / 3, 16 / 15, 0.75, 10 / 11, 2.0, 100.0, 0.01])


@settings(deadline=None)
@given(SIDES, SIDES, st.integers(1, 80), st.sampled_from(["squash", "pad", "crop"]), ASPECTS)
def test_a_square_comes_of_pixels_of_any_shape(height: int, width: int, size: int, fit: str, aspect: float) -> None:
    assert fitted(np.full((height, width, 3), 77, np.uint8), size, fit, aspect).shape == (size, size, 3)
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    assert np.array_equal(fitted(picture, size, "squash", aspect), fitted(picture, size, "squash"))
    assert np.array_equal(fitted(picture, size, fit, 1.0), fitted(picture, size, fit))


@pytest.mark.parametrize("fit", ["pad", "crop"])
@pytest.mark.parametrize(("height", "width", "aspect"), [(576, 720, 16 / 15), (480, 720, 8 / 9), (720, 576, 15 / 16)])
def test_a_circle_stays_round_where_pixels_are_not_square(fit: str, height: int, width: int, aspect: float) -> None:
    y, x = np.mgrid[:height, :width] - np.array([height, width])[:, None, None] / 2
    circle = ((x * aspect) ** 2 + y**2 < 200**2).astype(np.uint8)[..., None].repeat(3, 2) * 255
    across = fitted(circle, 256, fit, aspect)[..., 0] > 127
    seen_height, seen_width = np.ptp(np.flatnonzero(across.any(1))), np.ptp(np.flatnonzero(across.any(0)))
    assert abs(int(seen_height) - int(seen_width)) <= 2
    true = (height, width * aspect)
    assert seen_height == pytest.approx(400 * 256 / (max(true) if fit == "pad" else min(true)), abs=3)
