"""Frames come with their times, whatever holds them, and with the rate at which they run."""

from __future__ import annotations

import gc
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from movies import SIDE, movie, numbers, pictures
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sla_cli.core.clip import Source
from sla_cli.core.endings import IMAGES
from sla_cli.errors import FrameError
from sla_cli.video.frames import FrameReader

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")


def read(reader: FrameReader) -> tuple[list[float], list[int], float]:
    """Times, which of `pictures` the frames are, and the rate."""
    frames = list(reader)
    for _, picture in frames:
        assert (picture.shape, picture.dtype) == ((SIDE, SIDE, 3), np.uint8)
        assert picture[SIDE // 4, SIDE // 4].argmax() == 0, "blue is first"
    return [time for time, _ in frames], numbers([picture for _, picture in frames]), reader.fps


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return movie(tmp_path / "a.mp4", pictures(50), *H264)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "frames").mkdir()
    for number, image in enumerate(pictures(50)):
        cv2.imwrite(str(tmp_path / "frames" / f"{number}.png"), image)
    return tmp_path / "frames"


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_frames_have_the_times_of_the_recording(request: pytest.FixtureRequest, kind: str) -> None:
    path = request.getfixturevalue(kind)
    whole = read(FrameReader(Source(path.parent, path.name), fps=25.0))
    assert whole == (pytest.approx([number / 25 for number in range(50)]), list(range(50)), 25.0)
    part = read(FrameReader(Source(path.parent, path.name, 0.4, 0.8), fps=25.0))
    assert part == (pytest.approx([number / 25 for number in range(10, 20)]), list(range(10, 20)), 25.0)


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_at_another_rate_times_are_those_that_were_asked_for(request: pytest.FixtureRequest, kind: str) -> None:
    path = request.getfixturevalue(kind)
    times, found, rate = read(FrameReader(Source(path.parent, path.name, 0.4, 1.2), fps=25.0, rate=10.0))
    assert times == pytest.approx([0.4 + number / 10 for number in range(8)])
    assert all(abs(time - number / 25) <= 0.02 + 1e-3 for time, number in zip(times, found, strict=True))
    assert rate == 10.0


def test_a_folder_of_unknown_rate_has_no_times(folder: Path) -> None:
    times, found, rate = read(FrameReader(Source(folder.parent, folder.name)))
    assert (np.isnan(times).all(), found, rate) == (True, list(range(50)), 0.0)


def test_a_part_after_the_pictures_of_a_folder_is_refused_as_of_a_video(folder: Path) -> None:
    with pytest.raises(FrameError, match=r"frames ends at 2\.00 s, before 3\.00 s"):
        read(FrameReader(Source(folder.parent, folder.name, 1.0, 3.0), fps=25.0))
    assert len(read(FrameReader(Source(folder.parent, folder.name, 1.0, 2.3), fps=25.0))[0]) == 25
    for picture in sorted(folder.iterdir())[10:35]:
        picture.unlink()
    with pytest.raises(FrameError, match=r"frames \(frames .* are missing\) ends at 1\.00 s, before 2\.00 s"):
        read(FrameReader(Source(folder.parent, folder.name, 1.0, 2.0), fps=25.0))


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_an_archive_gives_the_same_frames(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> None:
    path = request.getfixturevalue(kind)
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", path.parent, path.name))
    inside = read(FrameReader(Source(packed, path.name), fps=25.0))
    assert inside == read(FrameReader(Source(path.parent, path.name), fps=25.0))


@pytest.mark.parametrize("name", ["a.tar.xz", "a.7z", "a.RAR"])
def test_an_archive_of_another_kind_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xfd7zXZ\0" + bytes(1000))
    with pytest.raises(FrameError, match="is an archive of a kind that is not read"):
        read(FrameReader(Source(tmp_path, name)))


def test_a_frame_that_is_broken_is_named_after_those_before_it(folder: Path) -> None:
    (folder / "3.png").write_bytes(b"")
    frames = iter(FrameReader(Source(folder.parent, folder.name)))
    assert numbers([next(frames)[1] for _ in range(3)]) == [0, 1, 2]
    with pytest.raises(FrameError, match=r"3\.png does not decode as an image \(0 bytes\)"):
        next(frames)


def test_pictures_of_other_formats_are_refused_whatever_their_name(tmp_path: Path) -> None:
    image, path = pictures(1)[0], tmp_path / "frames" / "1.png"
    path.parent.mkdir()
    for ending in (".png", ".jpg", ".bmp", ".webp", ".tiff", ".hdr", ".pfm", ".sr", ".ppm"):
        light = image.astype(np.float32) / 255 if ending in (".hdr", ".pfm") else image
        path.write_bytes(cv2.imencode(ending, light)[1].tobytes())
        assert cv2.imread(str(path)) is not None
        reader = FrameReader(Source(tmp_path, "frames"))
        if ending in IMAGES:
            assert numbers([picture for _, picture in reader]) == [0]
            continue
        with pytest.raises(FrameError, match=r"1\.png does not decode as an image") as caught:
            list(reader)
        assert "PNG, JPEG, BMP, WebP and TIFF" in caught.value.hint


def test_a_picture_of_floats_is_refused_without_words_of_opencv(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    light = np.zeros((64, 64), np.float32)
    (folder / "3.tif").write_bytes(cv2.imencode(".tif", light)[1].tobytes())
    with pytest.raises(FrameError, match=r"3\.tif does not decode as an image") as caught:
        list(FrameReader(Source(folder.parent, folder.name)))
    assert "up to 16 bits" in caught.value.hint
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("kind", "sides", "fails"),
    [("tiff", (20, 20), True), ("png", (20, 20), True), ("webp", (20, 20), True), ("tiff", (20, 5), False)],
)
def test_pictures_are_not_lost_in_a_file_of_several(
    tmp_path: Path, kind: str, sides: tuple[int, int], fails: bool
) -> None:
    """A camera may store a small copy of its picture as the second page of a TIFF."""
    (tmp_path / "frames").mkdir()
    first, second = (
        Image.new("RGB", (side, side), color) for side, color in zip(sides, ("black", "white"), strict=True)
    )
    first.save(tmp_path / "frames" / f"1.{kind}", save_all=True, append_images=[second])
    frames = iter(FrameReader(Source(tmp_path, "frames")))
    if fails:
        old = "(: holds several pictures)?" if kind == "webp" else ": holds several pictures"  # before OpenCV 4.11
        with pytest.raises(FrameError, match=rf"1\.{kind} does not decode as an image{old}"):
            next(frames)
    else:
        assert len(list(frames)) == 1


@pytest.mark.parametrize("kind", ["png", "webp", "tiff"])
def test_what_resembles_a_file_of_several_is_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "frames").mkdir()
    text = PngInfo()
    text.add_text("Comment", "acTLabcd")
    one, path = Image.new("RGB", (20, 20), "white"), tmp_path / "frames" / f"1.{kind}"
    one.save(path, save_all=True, **({"pnginfo": text} if kind == "png" else {}))
    assert len(list(FrameReader(Source(tmp_path, "frames")))) == 1


def test_what_is_not_there_is_a_frame_error(tmp_path: Path) -> None:
    for source in (Source(tmp_path / "gone", "a.mp4"), Source(tmp_path, "a.mp4"), Source(tmp_path, "../a.mp4")):
        with pytest.raises(FrameError):
            list(FrameReader(source))


def test_frames_that_were_read_are_not_kept(video: Path) -> None:
    """Without the garbage collector: thousands of large ones may come before it runs."""
    gc.collect()
    gc.disable()
    try:
        frames = iter(FrameReader(Source(video.parent, video.name)))
        for _ in range(30):
            next(frames)
        assert sum(isinstance(one, av.VideoFrame) for one in gc.get_objects()) < 10
    finally:
        gc.enable()


def test_a_picture_of_more_pixels_than_any_camera_has(tmp_path: Path) -> None:
    """As a file it is small."""
    (tmp_path / "frames").mkdir()
    cv2.imwrite(str(tmp_path / "frames" / "1.png"), np.zeros((9000, 9000), np.uint8), [cv2.IMWRITE_PNG_BILEVEL, 1])
    with pytest.raises(FrameError, match=r"1\.png does not decode as an image: states more than 64 million pixels"):
        list(FrameReader(Source(tmp_path, "frames")))
