"""Missing frames in a folder of pictures are detected from the numbers in the names, without false alarms."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import cv2
import pytest
from movies import pictures

from sla_cli.core.clip import Source
from sla_cli.video.frame_numbers import missing_frames
from sla_cli.video.frames import FrameReader


def named(numbers: list[int], form: str = "frame{:04d}.png") -> list[str]:
    return [form.format(number) for number in numbers]


def without(*missing: int, count: int = 40, first: int = 0) -> list[int]:
    return [number for number in range(first, first + count) if number not in missing]


@pytest.mark.parametrize(
    ("numbers", "first", "printed"),
    [
        (without(), None, ""),
        (without(5), None, "frame 5 is missing"),
        (without(5, 9, 10, 11), None, "frames 5 and 9 to 11 are missing"),
        (without(1, 3, 8), None, "frames 1, 3 and 8 are missing"),
        (without(1, 4, 8, 11, 15, 17, 20, 21, count=90), None, "frames 1, 4, 8, 11, 15 and 3 more are missing"),
        (without(first=4), None, ""),
        (without(first=4), 0, "frames 0 to 3 are missing"),
        (without(first=2), 1, "frame 1 is missing"),
        (without(first=1), 1, ""),
        (without(first=1), 7, ""),
        (without(6, first=2), 1, "frames 1 and 6 are missing"),
        ([number * 4 for number in without(3, 4, 5)], None, "frames 12 to 20 in steps of 4 are missing"),
        ([number * 4 for number in without(3)], None, "frame 12 is missing"),
        ([7], 0, ""),
        ([], 0, ""),
        ([3, 5], None, ""),
        ([0, 1, 3, 5, 6, 8], None, ""),  # of 25 frames per second, some are left out for 15
        ([0, 40, 81, 120, 161, 200, 240], None, ""),  # milliseconds
        ([*range(20), 25, *range(26, 40)], None, "frames 20 to 24 are missing"),
    ],
)
def test_gaps_are_described_in_words(numbers: list[int], first: int | None, printed: str) -> None:
    assert missing_frames(named(numbers), first) == printed


@pytest.mark.parametrize(
    "form",
    [
        "{}.jpg",
        "images{:04d}.png",
        "01April_2010_Thursday_heute_default-0.avi_pid0_fn{:06d}-0.png",
        "S000005_P0004_T00.{:03d}.jpg",
        "{:06d}_rgb.JPG",
        "{0:06d}_at_{1:.3f}s.png",
        "{0:04d}_{2:09d}.png",
    ],
)
def test_corpora_name_frames_in_many_ways(form: str) -> None:
    names = [form.format(number, number / 25, round(number * 1e6 / 30)) for number in without(5, 6)]
    for stray in ([], ["thumbnail.png"], ["cover_2.jpg", "back.png"]):
        assert missing_frames([*names, *stray]) == "frames 5 to 6 are missing"


@pytest.mark.parametrize(
    "names",
    [
        [f"take{number % 3}_{number}.png" for number in without(5)],
        [*named(without(5), "left{}.png"), *named(without(5), "right{}.png")],
        [f"{letter}.png" for letter in "abcdf"],
        [f"{number:05000d}.png" for number in without(5)],
        [f"a{number}b.png" if number % 2 else f"a{number}.png" for number in without(5)],
    ],
)
def test_nothing_is_claimed_where_not_just_one_number_varies(names: list[str]) -> None:
    assert missing_frames(names) == ""


def test_frames_that_are_there_more_than_once_are_reported() -> None:
    twice = [*named(without()), "frame0003.jpg", "frame0004.jpg", "frame8.png"]
    assert missing_frames(twice) == "frames 3 to 4 and 8 are repeated"
    assert missing_frames(["f1.png", "f01.png", "f001.png"]) == "frame 1 is repeated"
    both = [*named(without(5)), "frame0003.jpg"]
    assert missing_frames(both) == "frame 5 is missing; frame 3 is repeated"


def test_whatever_is_taken_out_of_the_middle_is_named() -> None:
    rng = random.Random(0)
    for _ in range(200):
        count = rng.randint(20, 300)
        gone = rng.sample(range(1, count - 1), rng.randint(1, count // 12))
        printed, words = missing_frames(named(without(*gone, count=count))), set[int]()
        listed = printed.removeprefix("frames ").removeprefix("frame ").rsplit(" ", 2)[0].replace(" and ", ", ")
        more = 0
        for part in listed.split(", "):
            if part.endswith(" more"):
                more = int(part.split()[0])
            else:
                begin, _, end = part.partition(" to ")
                words |= set(range(int(begin), int(end or begin) + 1))
        assert words <= set(gone) and len(words) + more == len(gone)


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_a_reader_knows_with_the_first_frame(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "corpus" / "clip"
    folder.mkdir(parents=True)
    for number, image in enumerate(pictures(20)):
        if number not in (0, 1, 7):
            cv2.imwrite(str(folder / f"{number}.png"), image)
    root = folder.parent
    if kind != "folder":
        root = Path(shutil.make_archive(str(tmp_path / "packed"), kind, root))
    reader = FrameReader(Source(root, "clip"), first=0)
    assert reader.missing == ""
    next(iter(reader))
    assert reader.missing == "frames 0 to 1 and 7 are missing"
