"""How clips look: numbers of clips of which they are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from sla_cli.video.appearance import AppearanceMeter, appearance_of

SIDE = 64


def clip(frames: int = 40, value: int = 0) -> np.ndarray:
    return np.full((frames, SIDE, SIDE, 3), value, np.uint8)


@pytest.mark.parametrize(("value", "brightness"), [(0, 0), (51, 20), (255, 100)])
def test_one_colour(value: int, brightness: float) -> None:
    found = appearance_of(clip(value=value))
    assert found == pytest.approx((brightness, 0, 0, 0, 0, 0), abs=1e-4)


def test_colour_and_contrast() -> None:
    red = clip()
    red[..., 0] = 255
    assert appearance_of(red).colour == pytest.approx(100)
    halves = clip()
    halves[:, :, SIDE // 2 :] = 255
    found = appearance_of(halves)
    assert (found.brightness, found.contrast, found.colour) == pytest.approx((50, 50, 0), abs=1e-4)


@pytest.mark.parametrize(("top", "height", "left", "width"), [(0, 64, 0, 64), (8, 16, 40, 8), (32, 32, 0, 4)])
def test_what_moves_has_its_size_wherever_it_is(top: int, height: int, left: int, width: int) -> None:
    """A rectangle that flickers between black and white is as high and wide as it is, in whole cells of 4 pixels."""
    shown = clip()
    shown[::2, top : top + height, left : left + width] = 255
    found = appearance_of(shown)
    assert found.height_of_what_moves == pytest.approx(100 * height / SIDE)
    assert found.width_of_what_moves == pytest.approx(100 * width / SIDE)
    assert found.movement == pytest.approx(100 * height * width / SIDE**2)


def test_the_stored_size_hardly_changes_it() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 16, 16, 3), np.uint8)
    small, large = (coarse.repeat(times, 1).repeat(times, 2) for times in (4, 16))
    np.testing.assert_allclose(appearance_of(large), appearance_of(small), rtol=1e-3, atol=0.1)


def test_frames_pass_a_meter_unchanged() -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (5, SIDE, SIDE, 3), np.uint8)
    meter = AppearanceMeter()
    np.testing.assert_array_equal(np.stack(list(meter.watch(frames))), frames)
    assert meter.appearance == appearance_of(frames)
