"""examples/picture.py draws the README's animation from a run and a video."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from movies import movie
from PIL import Image
from recordings import images_of
from tiny_work import tiny_work

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import picture

pytestmark = pytest.mark.ci


def test_the_picture_shows_each_gloss_when_it_is_read(tmp_path: Path) -> None:
    frames = images_of("NORD REGEN")
    video = movie(tmp_path / "video.mp4", frames, "-crf", "0", "-pix_fmt", "yuv444p")
    picture.main(tiny_work() / "runs" / "adapter", video, tmp_path / "out.webp")
    drawn = Image.open(tmp_path / "out.webp")
    assert (drawn.size, drawn.n_frames) == ((picture.WIDTH, picture.HEIGHT), -(-len(frames) // picture.EVERY))
    title = (picture.VIDEO[0], 0, picture.VIDEO[2], picture.VIDEO[1] - 4)
    titles = []
    for number in (1, drawn.n_frames - 2):
        drawn.seek(number)
        titles.append(drawn.convert("L").crop(title))
        assert titles[-1].getextrema()[0] < 100, "no gloss stands above the video"
    assert titles[0].tobytes() != titles[1].tobytes()
