"""Times are those of the recording, rates are what the times say, and pixels have their true shape."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from movies import SIDE, as_ffmpeg_shows, ffmpeg, movie, need_encoder, numbers, pictures

from sla_cli.config.settings import PrepConfig
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.prep.encoding.encode import encode_clip
from sla_cli.video.frames import FrameReader

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
KINDS = {
    "h265.mp4": ("-c:v", "libx265", "-pix_fmt", "yuv420p"),
    "vp9.mp4": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p"),
    "av1.mp4": ("-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p"),
    "camera.mts": H264,
    "broadcast.mpg": ("-c:v", "mpeg2video", "-q:v", "2"),
    "bare.h264": H264,
    "a.gif": ("-f", "gif"),
    "alpha.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p"),
    "prores.mov": ("-c:v", "prores_ks"),
    "prores alpha.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"),
    "animation.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "mjpeg.avi": ("-c:v", "mjpeg", "-q:v", "2"),
    "interlaced.mp4": (*H264, "-flags", "+ildct+ilme", "-x264opts", "tff=1"),
    "theora.ogv": ("-c:v", "libtheora", "-q:v", "8"),
    "wmv.wmv": ("-c:v", "wmv2", "-q:v", "2"),
    "apng.apng": ("-c:v", "apng", "-pix_fmt", "rgb24"),
}


def read(path: Path) -> tuple[list[float], list[int], FrameReader]:
    reader = FrameReader(Source(path.parent, path.name))
    frames = list(reader)
    return [time for time, _ in frames], numbers([picture for _, picture in frames]), reader


@pytest.mark.parametrize("name", KINDS)
def test_what_players_play_is_read_with_its_times(tmp_path: Path, name: str) -> None:
    need_encoder(KINDS[name][1])
    times, found, reader = read(movie(tmp_path / name, pictures(20), *KINDS[name]))
    assert found == list(range(20))
    assert times == pytest.approx([number / 25 for number in range(20)], abs=1e-3)
    assert reader.fps == pytest.approx(25)


KINDS_AND_SOUND = [*[(f"a.{kind}", sound) for kind in ("mp4", "mov", "mkv", "webm") for sound in (True, False)]]


def late(folder: Path, name: str, sound: bool, seconds: float) -> Path:
    """30 pictures that begin late in a file, with sound from its beginning, or nothing."""
    codec = ("-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p") if name == "a.webm" else H264
    whole, path = movie(folder / f"whole{name}", pictures(30), *codec), folder / name
    before = ["-f", "lavfi", "-i", f"sine=duration={seconds + 2.5}:sample_rate=8000"] if sound else []
    ffmpeg(*before, "-itsoffset", str(seconds), "-i", str(whole), "-c:v", "copy", str(path))
    return path


@pytest.mark.parametrize(("name", "sound"), [*KINDS_AND_SOUND, ("a.ts", True)])
def test_a_picture_that_comes_late_has_a_late_time(tmp_path: Path, name: str, sound: bool) -> None:
    """As in a player, where sound or nothing comes first. The clock of a transport stream does not begin at 0."""
    times, found, _ = read(late(tmp_path, name, sound, 0.5))
    assert found == list(range(30))
    assert times == pytest.approx([0.5 + number / 25 for number in range(30)], abs=0.13)  # sound has a lead-in
    assert np.diff(times) == pytest.approx(0.04, abs=1e-3)
    part = FrameReader(Source(tmp_path, name, times[8] - 0.02, times[13] - 0.02))
    assert numbers([picture for _, picture in part]) == [8, 9, 10, 11, 12]


@pytest.mark.parametrize(("name", "sound"), [*KINDS_AND_SOUND, ("a.ts", False)])
def test_a_first_picture_after_minutes(tmp_path: Path, name: str, sound: bool) -> None:
    """After sound its time is that of the file; where nothing comes first, the clock is that of a broadcast."""
    times, found, reader = read(late(tmp_path, name, sound, 100.0))
    assert found == list(range(30)) and (sound or reader.claimed in (0, 30))
    assert times == pytest.approx([100 * sound + number / 25 for number in range(30)], abs=0.13)
    assert np.diff(times) == pytest.approx(0.04, abs=1e-3)


def test_a_part_late_in_a_video_whose_picture_comes_late(tmp_path: Path) -> None:
    whole, path = movie(tmp_path / "whole.mp4", pictures(250), *H264, "-g", "25"), tmp_path / "a.mp4"
    ffmpeg("-itsoffset", "0.52", "-i", str(whole), "-c", "copy", str(path))
    part = FrameReader(Source(tmp_path, "a.mp4", 8.52, 8.92))
    assert numbers([picture for _, picture in part]) == list(range(200, 210))


@pytest.mark.parametrize(("start", "end"), [(1.0, 2.0), (32.0, 33.0), (32.5, 33.5)])
def test_a_part_beside_a_pause_has_the_rate_of_its_own_frames(tmp_path: Path, start: float, end: float) -> None:
    """From the key frame before the part to the first frame after it, more time may pass."""
    pause = ("-vf", "setpts='(N+gte(N,50)*750)/(25*TB)'", "-fps_mode", "passthrough")
    movie(tmp_path / "a.mp4", pictures(100), *pause, *H264)
    part = FrameReader(Source(tmp_path, "a.mp4", start, end))
    assert len(list(part)) == pytest.approx(25 * (end - start), abs=0.6)
    assert part.fps == pytest.approx(25)


@pytest.mark.parametrize("start", [1e6, 1e13, 1e20])
def test_a_part_after_the_end_is_refused_however_late(tmp_path: Path, start: float) -> None:
    movie(tmp_path / "a.mp4", pictures(30), *H264)
    with pytest.raises(FrameError, match="end"):
        list(FrameReader(Source(tmp_path, "a.mp4", start, 2 * start)))


def test_frames_before_the_beginning_are_not_shown(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(30), *H264, "-output_ts_offset", "-0.5")
    times, found, _ = read(path)
    assert found == numbers(as_ffmpeg_shows(path)) and times[0] == 0
    assert np.diff(times) == pytest.approx(0.04)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_matroska_of_a_few_frames_has_times(tmp_path: Path, count: int, codec: str) -> None:
    """FFmpeg finds no time of the start there."""
    need_encoder(codec)
    path = movie(tmp_path / "a.mkv", pictures(count), "-c:v", codec, "-bf", "0", "-pix_fmt", "yuv420p")
    times, found, reader = read(path)
    assert (found, reader.fps) == (list(range(count)), 25)
    assert times == pytest.approx([number / 25 for number in range(count)])


def test_frames_of_one_time_follow_each_other(tmp_path: Path) -> None:
    twice = "setpts='floor(N/2)*2/(25*TB)'"
    times, found, _ = read(
        movie(tmp_path / "a.mkv", pictures(30), *H264, "-bf", "0", "-vf", twice, "-fps_mode", "passthrough")
    )
    assert found == list(range(30))
    assert times == pytest.approx([number / 25 for number in range(30)], abs=1e-3)


def test_a_header_rate_that_the_times_contradict_is_not_believed(tmp_path: Path) -> None:
    """The header of this WebM states 1000 frames per second, as browsers' recordings do; blocks have their times."""
    path = movie(tmp_path / "a.webm", pictures(30), "-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p")
    data = bytearray(path.read_bytes())
    stated = data.index(bytes.fromhex("23e383")) + 4  # DefaultDuration, in nanoseconds
    assert struct.unpack(">I", data[stated : stated + 4])[0] == 40_000_000
    data[stated : stated + 4] = struct.pack(">I", 1_000_000)
    path.write_bytes(data)
    times, found, reader = read(path)
    assert found == list(range(30))
    assert times == pytest.approx([number / 25 for number in range(30)], abs=1e-3)
    assert reader.fps == pytest.approx(25, rel=1e-3)
    assert reader.stated != 1000
    resampled = FrameReader(Source(tmp_path, "a.webm"), rate=12.5)
    assert len(list(resampled)) == 15


@pytest.mark.parametrize(("rate", "warns"), [(240, False), (10_000, True)])
def test_a_rate_that_is_in_the_times_is_believed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, rate: int, warns: bool
) -> None:
    times, found, reader = read(movie(tmp_path / "a.mp4", pictures(30), *H264, rate=rate))
    assert found == list(range(30))
    assert times == pytest.approx([number / rate for number in range(30)])
    assert reader.fps == pytest.approx(rate)
    assert reader.stated == (0 if warns else rate)
    assert (f"has {rate} frames per second by its times" in caplog.text) == warns


def test_times_that_cannot_be_counted_are_refused(tmp_path: Path) -> None:
    """A store would refuse such a rate when it is read."""
    path = movie(tmp_path / "a.mp4", pictures(4), *H264, "-video_track_timescale", "1000000000", rate=10**9)
    with pytest.raises(FrameError, match=r"a\.mp4 has 1001001 frames per second by its times"):
        read(path)


@pytest.mark.parametrize(("shown", "warns"), [(20, False), (10, True)])
def test_a_video_that_hides_most_of_its_pictures_is_read_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shown: int, warns: bool
) -> None:
    """Cut without encoding again, an MP4 keeps the pictures from the key frame before the cut."""
    whole, path = movie(tmp_path / "whole.mp4", pictures(30), *H264), tmp_path / "a.mp4"
    ffmpeg("-ss", str((30 - shown) / 25), "-i", str(whole), "-c", "copy", str(path))
    assert read(path)[1] == numbers(as_ffmpeg_shows(path)) == list(range(30 - shown, 30))
    assert (f"shows {shown} of its 30 pictures" in caplog.text) == warns


def test_an_avi_knows_its_times_by_its_rate_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = movie(tmp_path / "a.avi", pictures(30), "-c:v", "mpeg4")
    data = bytearray(path.read_bytes())
    header = data.index(b"strh") + 8
    assert struct.unpack("<II", data[header + 20 : header + 28]) == (1, 25)
    data[header + 20 : header + 28] = struct.pack("<II", 1, 10_000)
    path.write_bytes(data)
    _, found, reader = read(path)
    assert found == list(range(30)) and reader.fps == pytest.approx(10_000)
    assert "`ffmpeg -r 25 -i` fixes them" in caplog.text


def test_an_avi_that_was_written_to_a_pipe_states_no_length(tmp_path: Path) -> None:
    whole = movie(tmp_path / "whole.avi", pictures(30), "-c:v", "mpeg4")
    (tmp_path / "a.avi").write_bytes(ffmpeg("-i", str(whole), "-c", "copy", "-f", "avi", "-"))
    _, found, reader = read(tmp_path / "a.avi")
    assert (found, reader.fps, reader.claimed) == (list(range(30)), 25, 0)


def test_a_length_of_two_hours_with_three_frames_is_three_frames(tmp_path: Path) -> None:
    path = movie(tmp_path / "a.mp4", pictures(3), *H264)
    data = bytearray(path.read_bytes())
    for kind, place, scale in ((b"mvhd", 16, 1000), (b"tkhd", 20, 1000), (b"mdhd", 16, 12800)):
        at = data.index(kind) + 4 + place
        data[at : at + 4] = struct.pack(">I", 7200 * scale)
    path.write_bytes(data)
    times, found, reader = read(path)
    assert (found, reader.fps) == ([0, 1, 2], 25) and times == pytest.approx([0, 0.04, 0.08])


def test_the_stated_rate_is_known_with_the_first_frame(tmp_path: Path) -> None:
    varying = "setpts='if(lt(N,15),N,15+(N-15)*4)/(50*TB)'"
    movie(tmp_path / "a.mp4", pictures(30), "-vf", varying, "-fps_mode", "vfr", *H264, rate=50)
    reader = FrameReader(Source(tmp_path, "a.mp4"))
    assert reader.stated == 0
    frames = iter(reader)
    next(frames)
    assert reader.stated == pytest.approx(30 / 1.32, rel=0.05)  # the mean, last frame included
    list(frames)
    assert reader.fps == pytest.approx(29 / 1.42, rel=1e-3)


@pytest.mark.parametrize("fps", [12.5, None])
def test_a_folder_states_the_rate_that_was_given(tmp_path: Path, fps: float | None) -> None:
    (tmp_path / "a").mkdir()
    movie(tmp_path / "a" / "%d.png", pictures(3), "-pix_fmt", "rgb24")
    reader = FrameReader(Source(tmp_path, "a"), fps=fps)
    next(iter(reader))
    assert (reader.stated, reader.pixel_aspect) == (fps or 0, 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mpg", "a.webm"])
@pytest.mark.parametrize("turn", [0, 90, 180])
def test_the_shape_of_pixels_is_known_turned_or_not(tmp_path: Path, name: str, turn: int) -> None:
    if turn and name != "a.mp4":
        pytest.skip("only MP4 is turned here")
    codecs = {"a.avi": ("-c:v", "mpeg4"), "a.mpg": ("-c:v", "mpeg2video"), "a.webm": ("-c:v", "libvpx-vp9")}
    whole, path = tmp_path / f"whole {name}", tmp_path / name
    movie(whole, pictures(5), *codecs.get(name, H264), "-vf", "setsar=4/3")
    ffmpeg("-display_rotation", str(turn), "-i", str(whole), "-c", "copy", str(path))
    reader = FrameReader(Source(tmp_path, name))
    next(iter(reader))
    assert reader.pixel_aspect == pytest.approx(3 / 4 if turn == 90 else 4 / 3, rel=0.01)


@pytest.mark.parametrize("turn", [0, 90])
@pytest.mark.parametrize("fit", ["pad", "crop", "squash"])
def test_prep_keeps_the_aspect_of_the_scene(tmp_path: Path, turn: int, fit: str) -> None:
    """Against ffmpeg, which makes the pixels square by itself."""
    whole, path = tmp_path / "whole.mp4", tmp_path / "a.mp4"
    picture = np.repeat(pictures(3, 90), 2, axis=2)[:, :, :120]  # 120 x 90 pixels, shown as 160 x 90
    movie(whole, picture, *H264, "-vf", "setsar=4/3")
    ffmpeg("-display_rotation", str(turn), "-i", str(whole), "-c", "copy", str(path))
    scale = "scale=90:160" if turn else "scale=160:90"
    pad = {"crop": "crop=90:90,scale=64:64", "pad": f"pad=160:160:(ow-iw)/2:(oh-ih)/2,scale={SIDE}:{SIDE}"}
    chain = f"{scale},{pad.get(fit, f'scale={SIDE}:{SIDE}')}"
    data = ffmpeg("-i", str(path), "-vf", chain, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    expected = np.frombuffer(data, np.uint8).reshape(3, SIDE, SIDE, 3).astype(int)
    encoded = encode_clip(Source(tmp_path, "a.mp4"), PrepConfig(SIDE, fit=fit, codec="raw"), None)  # type: ignore[arg-type]
    assert np.abs(encoded.data.reshape(3, SIDE, SIDE, 3) - expected).mean() < 4
