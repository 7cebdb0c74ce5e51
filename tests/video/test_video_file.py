"""Videos are read as ffmpeg shows them; parts, other rates, and incomplete files."""

from __future__ import annotations

import os
import re
import struct
import tarfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from movies import SIDE, as_ffmpeg_shows, ffmpeg, movie, need_encoder, numbers, pictures

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.prep.encoding.encode import EncodedFrames, encode_clip
from sla_cli.store.codec import decode

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
KINDS = {
    "h264.mp4": H264,
    "h264.mov": H264,
    "h264.mkv": H264,
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "2"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-deadline", "realtime", "-cpu-used", "8"),
    "mpeg2.mpg": ("-c:v", "mpeg2video", "-q:v", "2"),
    "ten bit.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "grey.mp4": ("-c:v", "libx264", "-pix_fmt", "gray"),
}


def clip(path: Path, start: float | None = None, end: float | None = None, **settings: object) -> EncodedFrames:
    config = PrepConfig(**{"size": SIDE, "codec": "raw", **settings})  # type: ignore[arg-type]
    return encode_clip(Source(path.parent, path.name, start, end), config, None)


def images(frames: EncodedFrames, side: int = SIDE) -> np.ndarray:
    return frames.data.reshape(-1, side, side, 3)


@pytest.mark.parametrize("name", KINDS)
def test_frames_are_those_that_ffmpeg_shows(tmp_path: Path, name: str) -> None:
    path = movie(tmp_path / name, pictures(30), *KINDS[name])
    read = clip(path)
    assert numbers(images(read)) == list(range(30))
    assert read.fps == pytest.approx(25)
    assert np.abs(images(read).astype(int) - as_ffmpeg_shows(path)).mean() < 2  # scalers round differently


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is wider than high."""
    return movie(tmp_path_factory.mktemp("lying") / "lying.mp4", np.repeat(pictures(5), 2, axis=2), *H264)


@pytest.mark.parametrize("mirrored", [(), ("-display_hflip",), ("-display_vflip",)])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_phone_held_in_any_way_is_turned_upright(
    tmp_path: Path, lying: Path, turn: int, mirrored: tuple[str, ...]
) -> None:
    """Front cameras of some phones state that their picture is mirrored."""
    path = tmp_path / "phone.mp4"
    ffmpeg("-display_rotation", str(turn), *mirrored, "-i", str(lying), "-c", "copy", str(path))
    height, width = (SIDE, 2 * SIDE) if turn % 180 == 0 else (2 * SIDE, SIDE)
    expected = as_ffmpeg_shows(path, height, width)
    across = expected.reshape(5, SIDE, height // SIDE, SIDE, width // SIDE, 3).mean((2, 4))
    assert np.abs(images(clip(path)) - across).mean() < 2


def test_colours_are_those_that_the_video_states(tmp_path: Path) -> None:
    """Phones and cameras write BT.709; a video that states nothing is read as BT.601, as ffmpeg does."""
    states = ("-vf", "scale=out_color_matrix=bt709", "-colorspace", "bt709")
    path = movie(tmp_path / "a.mp4", pictures(5), *H264, *states)
    expected = as_ffmpeg_shows(path)
    assert np.abs(images(clip(path)).astype(int) - expected).mean() < 1
    assert np.abs(expected[:, 4:28, 4:28] - np.array([200.0, 40, 40])).max() < 8


def test_a_picture_that_the_decoder_has_repaired_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (30, SIDE, SIDE, 3), np.uint8)
    path = movie(tmp_path / "a.avi", noise, *KINDS["mpeg4.avi"])
    assert len(clip(path).sizes) == 30 and not caplog.text
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 20] = bytes(20)
    path.write_bytes(data)
    assert len(clip(path).sizes) == 30
    assert "1 damaged picture, the first at 0.5" in caplog.text or "1 damaged picture, the first at 0.6" in caplog.text


@pytest.fixture(scope="module")
def varying(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A second at 50 frames a second, then 1.5 s at 12.5, as phones do in the dark; and the frames' times."""
    path = tmp_path_factory.mktemp("varying") / "varying.mp4"
    times = "setpts='if(lt(N,50),N,50+(N-50)*4)/(50*TB)'"
    movie(path, pictures(69), "-vf", times, "-fps_mode", "vfr", *H264, rate=50)
    number = np.arange(69)
    return path, np.where(number < 50, number, 50 + (number - 50) * 4) / 50


def test_varying_rate_keeps_each_frame_once(varying: tuple[Path, np.ndarray]) -> None:
    path, times = varying
    read = clip(path)
    assert numbers(images(read)) == list(range(69))
    assert read.fps == pytest.approx(68 / times[-1], rel=0.03)


@pytest.mark.parametrize("rate", [5.0, 12.5, 25.0, 30.0, 100.0])
def test_resampling_takes_the_frame_nearest_in_time(varying: tuple[Path, np.ndarray], rate: float) -> None:
    path, times = varying
    read = clip(path, fps=rate)
    assert read.fps == rate
    taken = numbers(images(read))
    assert abs(len(taken) - rate * (times[-1] + 0.08)) <= 1
    for place, number in enumerate(taken):
        away = np.abs(times - place / rate)
        assert away[number] <= away.min() + 1e-3


def test_sixty_frames_a_second_become_twenty_five(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(120), *H264, rate=60)
    taken = numbers(images(clip(path, fps=25)))
    assert len(taken) == 50
    assert np.abs(np.array(taken) - 60 * np.arange(50) / 25).max() <= 0.5 + 1e-6


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.4, 0.8, range(10, 20)),
        (None, 0.2, range(5)),
        (2.0, None, range(50, 60)),
        (0.41, 0.79, range(11, 20)),
        (2.0, 2.4, range(50, 60)),
    ],
)
def test_a_part_ends_before_its_end(tmp_path: Path, start: float, end: float, expected: range) -> None:
    path = movie(tmp_path / "a.mp4", pictures(60), *H264)
    assert numbers(images(clip(path, start, end))) == list(expected)
    half = numbers(images(clip(path, start, end, fps=12.5)))
    assert set(half) <= {expected[0] - 1, *expected} and abs(len(half) - len(expected) / 2) <= 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_a_part_late_in_a_long_video_is_that_of_a_full_read(tmp_path: Path, name: str) -> None:
    hard = ("-bf", "3", "-x264-params", "open-gop=1:keyint=70")  # frames that lean on the group before
    path = movie(tmp_path / name, pictures(250), *H264, *hard)
    whole = images(clip(path))
    assert numbers(whole) == list(range(250))
    for start in (4.52, 6.0, 7.52, 9.0):
        first = round(start * 25)
        assert np.array_equal(images(clip(path, start, start + 0.4)), whole[first : first + 10])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.webm"])
def test_a_truncated_video_is_no_short_clip(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (50, SIDE, SIDE, 3), np.uint8)  # so that the frames are most of the file
    ways = {"a.mp4": (*H264, "-movflags", "+faststart"), "a.webm": KINDS["vp9.webm"], "a.avi": KINDS["mpeg4.avi"]}
    path = movie(tmp_path / name, noise, *ways.get(name, H264))
    assert len(clip(path).sizes) == 50
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    with pytest.raises(FrameError, match=r"lacks [\d,]+ bytes at its end: \d+ of 50 frames decode") as caught:
        clip(path)
    assert str(path) in caught.value.message
    # What comes before the cut is whole.
    assert len(clip(path, 0.2, 0.6).sizes) == 10
    if name == "a.webm":  # whose header may state too short a duration, in milliseconds
        before, mark, after = path.read_bytes().partition(b"\x44\x89\x88")
        assert struct.unpack(">d", after[:8]) == pytest.approx([2000], abs=50)
        path.write_bytes(before + mark + struct.pack(">d", 120.0) + after[8:])
        with pytest.raises(FrameError, match=r": \d+ of an unknown number of frames decode"):
            clip(path)


JOINED = {"a.mkv": H264, "a.webm": KINDS["vp9.webm"], "a.mp4": H264, "a.mov": H264, "a.avi": KINDS["mpeg4.avi"]}


@pytest.mark.parametrize("name", JOINED)
def test_files_one_after_the_other_are_no_video(tmp_path: Path, name: str) -> None:
    path = movie(tmp_path / name, pictures(10), *JOINED[name])
    path.write_bytes(path.read_bytes() * 3)
    with pytest.raises(FrameError, match="is several videos one after the other"):
        clip(path)


def test_what_states_no_length_or_comes_in_fragments_is_one_video(tmp_path: Path) -> None:
    live = movie(tmp_path / "live.mkv", pictures(10), *H264, "-live", "1")
    assert len(clip(live).sizes) == 10
    flags = "frag_keyframe+empty_moov+default_base_moof"
    data = movie(tmp_path / "a.mp4", pictures(20), *H264, "-g", "5", "-movflags", flags).read_bytes()
    head, *fragments = re.split(rb"(?=....moof)", data, flags=re.DOTALL)
    assert len(fragments) > 2
    (tmp_path / "joined.mp4").write_bytes(b"".join(head + fragment for fragment in fragments))
    assert len(clip(tmp_path / "joined.mp4").sizes) == 20, "each with the head, as a stream is stored"


def test_what_follows_the_last_box_of_a_video_is_not_of_it(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(10), *H264)
    whole = images(clip(path))
    for more in (b"#EXT of another program, 27 bytes", b"\0" * 5, b"zzzzzzzzz"):
        path.write_bytes((data := path.read_bytes()) + more)
        assert np.array_equal(images(clip(path)), whole)
        path.write_bytes(data)


BARE = {
    "a.mjpeg": ("-c:v", "mjpeg", "-f", "mjpeg"),
    "a.m4v": ("-c:v", "mpeg4", "-f", "m4v"),
    "a.m2v": ("-c:v", "mpeg2video", "-f", "mpeg2video"),
    "a.h264": (*H264, "-f", "h264"),
    "a.mpg": ("-c:v", "mpeg2video", "-f", "mpeg"),
    "a.ts": (*H264, "-f", "mpegts"),
    "a.m2ts": (*H264, "-f", "mpegts", "-mpegts_m2ts_mode", "1"),
    "a.mxf": ("-c:v", "mpeg2video", "-f", "mxf"),
    "a.nut": (*H264, "-f", "nut"),
}


@pytest.mark.parametrize("name", BARE)
def test_a_video_begins_with_itself(tmp_path: Path, name: str) -> None:
    """FFmpeg would find these also behind something else, such as in an archive that does not compress."""
    path = movie(tmp_path / name, pictures(12), *BARE[name])
    data = path.read_bytes()
    whole = images(clip(path))
    assert len(whole) >= 11
    with zipfile.ZipFile(tmp_path / "zip.mp4", "w", zipfile.ZIP_STORED) as archive:
        archive.write(path, "a")
    with tarfile.open(tmp_path / "tar.mp4", "w") as archive:
        archive.add(path, "a")
    (tmp_path / "cut.mp4").write_bytes(b"RIFF" + b"\1\2" * 30 + data)
    for other in ("zip.mp4", "tar.mp4", "cut.mp4"):
        with pytest.raises(FrameError, match=r"does not begin as a video|does not open as a video|lacks .* bytes"):
            clip(tmp_path / other)


def test_an_avi_without_its_head_has_no_other_times(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.avi", pictures(12), "-c:v", "mjpeg", "-r", "10")
    data = path.read_bytes()
    for damaged in (b"\0\0\0\0" + data[4:], data[len(data) // 3 :], b"XXXX" + data[4:]):
        path.write_bytes(damaged)
        with pytest.raises(FrameError, match="does not begin as a video: what FFmpeg finds in it"):
            clip(path)


def test_a_turn_that_no_camera_states_is_none(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(3), *H264)
    data = path.read_bytes()
    place = data.index(b"tkhd") + 4 + 40  # the matrix, ISO/IEC 14496-12
    assert data[place : place + 4] == (1 << 16).to_bytes(4, "big")
    path.write_bytes(data[:place] + (-(1 << 31)).to_bytes(4, "big", signed=True) + data[place + 4 :])
    with warnings.catch_warnings(action="error"):
        clip(path)


def test_a_hole_in_a_video_is_seen(tmp_path: Path) -> None:
    """As a download leaves it that took the space first."""
    path = movie(tmp_path / "a.mp4", pictures(100), *H264, "-g", "300", "-movflags", "+faststart")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 8] + bytes(len(data) - len(data) * 7 // 8))
    with pytest.raises(FrameError, match=r"is broken after frame \d+: \d+ of 100 frames decode"):
        clip(path)


def test_without_its_table_of_contents_a_video_does_not_open(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(50), *H264)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(FrameError, match=r"a\.mp4 does not open as a video \([\d,]+ bytes\)"):
        clip(path)


@pytest.mark.parametrize(("data", "message"), [(b"", "is empty"), (b"not a video\n" * 99, "does not open as a video")])
def test_what_is_no_video_is_named(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "clip 1.mp4"
    path.write_bytes(data)
    with pytest.raises(FrameError, match=message) as caught:
        clip(path)
    assert str(path) in caught.value.message


def test_a_video_that_a_phone_trimmed_is_whole(tmp_path: Path) -> None:
    """The file keeps frames before its start, which players do not show."""
    whole = movie(tmp_path / "whole.mp4", pictures(100), *H264, "-g", "300")
    path = tmp_path / "trimmed.mp4"
    ffmpeg("-ss", "1.5", "-i", str(whole), "-c", "copy", str(path))
    shown = numbers(as_ffmpeg_shows(path))
    assert 55 <= len(shown) < 70
    assert numbers(images(clip(path))) == shown


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_sound_that_lasts_longer_does_not_make_a_video_short(tmp_path: Path, name: str) -> None:
    silent = movie(tmp_path / f"silent{name}", pictures(25), *H264)
    path = tmp_path / name
    ffmpeg("-i", str(silent), "-f", "lavfi", "-i", "sine=duration=4", "-c:v", "copy", str(path))
    assert len(clip(path).sizes) == 25


def test_a_live_recording_that_does_not_know_its_length_is_read(tmp_path: Path) -> None:
    """As browsers record."""
    live = movie(tmp_path / "live.webm", pictures(25), *KINDS["vp9.webm"], "-live", "1")
    assert numbers(images(clip(live))) == list(range(25))
    fragments = movie(tmp_path / "fragments.mp4", pictures(25), *H264, "-movflags", "frag_keyframe+empty_moov")
    assert numbers(images(clip(fragments))) == list(range(25))


def test_times_outside_a_video_are_refused(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(50), *H264)
    with pytest.raises(FrameError, match=r"a\.mp4 ends at 2\.00 s, before 3\.00 s"):
        clip(path, 1.0, 3.0)
    with pytest.raises(FrameError, match=r"has no frame between 8 s and the end"):
        clip(path, 8.0)
    assert len(clip(path, 1.0, 2.3).sizes) == 25  # a table's end may be rounded up a little


@pytest.mark.parametrize("name", ["several.png", "several.apng"])
def test_a_png_of_several_pictures_is_a_video(tmp_path: Path, name: str) -> None:
    path = movie(tmp_path / name, pictures(5), "-c:v", "apng", "-f", "apng", "-pix_fmt", "rgb24")
    assert numbers(images(clip(path))) == list(range(5))


def test_an_animated_png_that_is_cut_between_two_chunks(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.apng", pictures(5), "-c:v", "apng", "-f", "apng", "-pix_fmt", "rgb24")
    path.write_bytes(path.read_bytes()[: path.read_bytes().rindex(b"fcTL") - 4])
    with pytest.raises(FrameError, match=r"a\.apng lacks 12 bytes at its end: 4 of an unknown number of frames"):
        clip(path)


def test_one_bad_name_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    with pytest.raises(FrameError, match=r"a\.png is a single picture"):
        clip(tmp_path / "a.png")
    with pytest.raises(FrameError, match=r"no such frame folder or video: .*gone\.mp4"):
        clip(tmp_path / "gone.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(FrameError, match=r"pipe\.mp4 is not a regular file"):
        clip(tmp_path / "pipe.mp4")
    need_encoder("libwebp_anim")
    movie(tmp_path / "several.webp", pictures(5), "-c:v", "libwebp_anim")
    with pytest.raises(FrameError, match=r"several\.webp is an animated WebP, which FFmpeg does not decode") as caught:
        clip(tmp_path / "several.webp")
    assert "`magick several.webp several.gif`" in caught.value.hint
    with pytest.raises(FrameError, match="leads outside of the corpus"):
        encode_clip(Source(tmp_path, "../a.mp4"), PrepConfig(), None)


def test_a_name_is_never_an_address(tmp_path: Path) -> None:
    path = movie(tmp_path / "a%03d: 50?.mp4", pictures(5), *H264)
    assert len(clip(path).sizes) == 5


def test_loss_is_measured_on_a_frame_of_the_clip(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(20), *H264)
    exact = images(clip(path))[16].astype(float)  # the latest whose number is a power of two
    assert clip(path).squared_error == 0
    assert clip(path, codec="png").squared_error == 0
    lossy = clip(path, codec="jpeg", quality=50)
    decoded = decode(np.split(lossy.data, lossy.sizes.cumsum()[:-1])[16], "jpeg", SIDE)
    assert decoded is not None
    assert lossy.squared_error == pytest.approx(((decoded - exact) ** 2).mean(), rel=1e-5)
    assert lossy.squared_error > clip(path, codec="jpeg", quality=95).squared_error > 0
