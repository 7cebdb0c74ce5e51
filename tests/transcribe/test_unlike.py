"""The sentence about a recording that is unlike the training data."""

from __future__ import annotations

import pytest

from sla_cli.transcribe.unlike import unlike_training
from sla_cli.video.appearance import Appearance
from sla_cli.work.run_facts import FrameFormat

LOOKS = Appearance(0.3, 12, 0, 1, 40, 60)
USUAL = {"brightness": (55.0, 71.0), "contrast": (10.0, 20.0), "height_of_what_moves": (50.0, 75.0)}
FRAMES = FrameFormat(32, "squash", 25, 25, 25)


def said(distance: float | None = 0.9, rate: float = 25) -> str | None:
    return unlike_training(distance, LOOKS, USUAL, rate, FRAMES)


def test_nothing_is_said_of_what_is_like_training_even_if_it_looks_unusual() -> None:
    assert said() is None
    assert said(None) is None
    assert said(rate=12.5) is None and said(rate=60) is None and said(rate=0) is None


def test_what_differs_is_named_with_what_is_usual() -> None:
    text = said(2.25)
    assert text is not None
    assert text == (
        "unlike the training data, glosses may be wrong: its frames are 2.2 times as far from those of training as is "
        "still usual; brightness 0.3 % (55 to 71 % in training); height of what moves 40 % (50 to 75 % in training)"
    )


@pytest.mark.parametrize("distance", [None, 0.5])
def test_few_frames_per_second_are_unlike_it_too(distance: float | None) -> None:
    text = said(distance, rate=8)
    assert text == "unlike the training data, glosses may be wrong: 8 frames per second (25 in training)"


def test_a_run_without_a_frame_rate_cannot_compare_it() -> None:
    assert unlike_training(None, LOOKS, USUAL, 5, FrameFormat(32, "squash", 0, 0, 0)) is None
