"""Files that give no pictures are refused in one sentence that names file, reason and remedy; none hangs or fills
the memory, and unusual but valid files are read."""

from __future__ import annotations

import shlex
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from movies import as_ffmpeg_shows, ffmpeg, movie, need_encoder, numbers, pictures
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.video.container import read_container
from sla_cli.video.frames import FrameReader

H264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p")
SOUND = ("-f", "lavfi", "-i", "sine=duration=1")


def read(path: Path) -> list[np.ndarray]:
    return [picture for _, picture in FrameReader(Source(path.parent, path.name))]


def refusal(path: Path) -> FrameError:
    with pytest.raises(FrameError) as caught:
        read(path)
    assert str(path) in caught.value.message and "\n" not in caught.value.message and caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def h264(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return movie(tmp_path_factory.mktemp("h264") / "a.mp4", pictures(30), *H264)


@pytest.fixture(scope="module")
def av1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_encoder("libaom-av1")
    path = tmp_path_factory.mktemp("av1") / "my signing.mp4"
    return movie(path, pictures(40), "-c:v", "libaom-av1", "-cpu-used", "8", "-pix_fmt", "yuv420p")


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".webm", ".ivf"])
def test_a_codec_that_cannot_be_decoded_is_named_with_the_way_out(av1: Path, ending: str) -> None:
    path = av1.with_suffix(ending)
    if path != av1:
        ffmpeg("-i", str(av1), "-c", "copy", str(path))
    error = refusal(path)
    assert "has no frame that decodes (codec AV1)" in error.message
    assert error.hint == f"Convert it: `ffmpeg -i 'my signing{ending}' -c:v libx264 'my signing-h264.mp4'`"


def test_the_way_out_leads_out(av1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(av1.parent)
    command = refusal(av1).hint.split("`")[1]
    ffmpeg(*shlex.split(command)[1:])
    assert numbers(read(av1.parent / "my signing-h264.mp4")) == list(range(40))


@pytest.mark.parametrize(
    ("ending", "old", "new", "message"),
    [
        (".mp4", b"avc1\0\0\0\0", b"vvc1\0\0\0\0", "its codec is H.266"),
        (".mp4", b"avc1\0\0\0\0", b"encv\0\0\0\0", "it is encrypted"),
        (".mkv", b"V_MPEG4/ISO/AVC", b"V_MPEGI/ISO/VVC", "its codec is H.266"),
        (".avi", b"FMP4", b"ZZZZ", "its codec is ZZZZ"),
    ],
)
def test_an_unknown_codec_is_named(tmp_path: Path, ending: str, old: bytes, new: bytes, message: str) -> None:
    path = movie(tmp_path / f"a{ending}", pictures(5), *(("-c:v", "mpeg4") if ending == ".avi" else H264))
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    assert refusal(path).message.endswith(message)


@pytest.mark.parametrize("ending", ["mp4", "m4a", "mkv", "webm", "avi", "wav", "mp3", "flac", "ogg"])
def test_sound_without_pictures_is_said_to_be_that(tmp_path: Path, ending: str) -> None:
    ffmpeg(*SOUND, str(tmp_path / f"a.{ending}"))
    assert "holds sound, but no video stream" in refusal(tmp_path / f"a.{ending}").message


def test_sound_in_a_container_without_a_list_of_tracks_does_not_open(tmp_path: Path) -> None:
    ffmpeg(*SOUND, str(tmp_path / "a.ts"))
    assert "no video stream was found" in refusal(tmp_path / "a.ts").message


@pytest.mark.parametrize("ending", ["mp3", "mp4", "mkv"])
def test_a_cover_is_no_video(tmp_path: Path, ending: str) -> None:
    cover, path = movie(tmp_path / "cover.png", pictures(1), "-frames:v", "1"), tmp_path / f"a.{ending}"
    attach = ["-attach", str(cover), "-metadata:s:t", "mimetype=image/png"]
    other = ["-i", str(cover), "-map", "0", "-map", "1", "-c:v", "png", "-disposition:v", "attached_pic"]
    ffmpeg(*SOUND, *(attach if ending == "mkv" else other), str(path))
    assert "holds sound, but no video stream" in refusal(path).message


def test_a_cover_beside_a_video_is_passed_over(h264: Path, tmp_path: Path) -> None:
    cover, path = movie(tmp_path / "cover.png", pictures(1), "-frames:v", "1"), tmp_path / "a.mp4"
    options = ["-map", "1", "-map", "0", "-c:v:0", "png", "-c:v:1", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", str(h264), "-i", str(cover), *options, str(path))
    assert numbers(read(path)) == list(range(30))


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.ts"])
@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile b.mp4\n", "#EXTM3U\n#EXTINF:1,\nb.ts\n", "Grüße\n" * 99])
def test_text_is_neither_drawn_nor_followed_to_other_files(h264: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "b.mp4").write_bytes(h264.read_bytes())
    ffmpeg("-i", str(h264), "-c", "copy", str(tmp_path / "b.ts"))
    (tmp_path / name).write_text(text)
    assert refusal(tmp_path / name).message.endswith("it is text")


def test_a_raw_video_with_words_at_its_head_is_read(tmp_path: Path) -> None:
    assert numbers(read(movie(tmp_path / "a.y4m", pictures(10), "-pix_fmt", "yuv420p"))) == list(range(10))


def test_an_interrupted_recording_is_said_to_lack_its_list_of_tracks(h264: Path, tmp_path: Path) -> None:
    data = h264.read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"moov") - 4])
    assert "the list of tracks of the MP4 file is missing" in refusal(tmp_path / "a.mp4").message
    (tmp_path / "b.mp4").write_bytes(data[: data.index(b"moov") - 5])
    assert refusal(tmp_path / "b.mp4").message.endswith("1 bytes are missing at its end")


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.mp4"])
def test_damage_in_the_middle_does_not_pass_for_the_end(tmp_path: Path, name: str) -> None:
    codec = ("-c:v", "mpeg4") if name == "a.avi" else H264
    path = movie(tmp_path / name, pictures(100), *codec, "-g", "10", "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 1500] = np.random.default_rng(0).integers(0, 255, 1500, np.uint8).tobytes()
    path.write_bytes(data)
    error = refusal(path)
    assert "is broken after frame" in error.message and "of 100 frames decode (" in error.message
    assert "keep what decodes: `ffmpeg -i" in error.hint


def test_lost_frames_leave_the_times_of_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A Matroska goes on at its next cluster, without an error."""
    path = movie(tmp_path / "a.mkv", pictures(250), *H264, "-g", "25")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 900] = bytes(900)
    path.write_bytes(data)
    reader = FrameReader(Source(tmp_path, "a.mkv"))
    frames = [(time, picture) for time, picture in reader]
    assert 50 < len(frames) < 220
    known = [(time, number) for (time, _), number in zip(frames, numbers([f for _, f in frames]), strict=True)]
    assert sum(abs(time - number / 25) < 0.01 for time, number in known) >= len(known) - 3  # next to the damage
    assert "shows no new picture from" in caplog.text


@pytest.mark.parametrize(("width", "height"), [(1, 1), (100, 1), (1, 100), (639, 361)])
@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.webm"])
def test_odd_sizes_are_read_as_ffmpeg_shows_them(tmp_path: Path, width: int, height: int, name: str) -> None:
    kinds = {
        "a.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv444p"),
        "a.avi": ("-c:v", "rawvideo", "-pix_fmt", "bgr24"),
        "a.webm": ("-c:v", "libvpx-vp9", "-lossless", "1", "-pix_fmt", "yuv444p"),
    }
    ramp = np.linspace(0, 255, 5 * height * width * 3).reshape(5, height, width, 3).astype(np.uint8)
    path = movie(tmp_path / name, ramp, *kinds[name])
    assert np.abs(np.stack(read(path)).astype(int) - as_ffmpeg_shows(path, height, width)).mean() < 3


def test_one_frame_of_8k_is_read(tmp_path: Path) -> None:
    image = np.full((1, 4320, 7680, 3), 90, np.uint8)
    (frame,) = read(movie(tmp_path / "a.mp4", image, *H264, "-preset", "ultrafast"))
    assert frame.shape == (4320, 7680, 3) and abs(int(frame.mean()) - 90) <= 5


def test_a_header_that_claims_an_enormous_picture_takes_no_memory(tmp_path: Path) -> None:
    """A GIF's header is its size; 16000 x 16000 pixels would be 768 MB each time they are shown."""
    path = movie(tmp_path / "a.gif", pictures(30))
    data = path.read_bytes()
    path.write_bytes(data[:6] + struct.pack("<HH", 16000, 16000) + data[10:])
    program = (
        "import resource, sys; from pathlib import Path; from sla_cli.core.clip import Source;"
        "from sla_cli.video.frames import FrameReader; from sla_cli.errors import FrameError\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: list(FrameReader(Source(Path(sys.argv[1]), 'a.gif')))\n"
        "except FrameError as error: print(error.message, error.hint)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    printed, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert "states pictures of 16000x16000 pixels" in printed and "-vf scale=1920:-2" in printed
    assert int(kilobytes) < 100_000
    path.write_bytes(data[:6] + struct.pack("<HH", 65535, 65535) + data[10:])
    assert "has no frame that decodes (codec gif)" in refusal(path).message


def test_a_clock_that_jumps_is_no_pause_of_a_day(tmp_path: Path) -> None:
    jump = "setpts='if(lt(N,15),N,N+25*86400)/(25*TB)'"
    path = movie(tmp_path / "a.mkv", pictures(30), *H264, "-bf", "0", "-vf", jump, "-fps_mode", "passthrough")
    assert "jumps from 0.56 s to 86400.60 s after frame 15 (H.264)" in refusal(path).message


@pytest.mark.parametrize("kind", ["h264", "av1"])
def test_the_command_line_refuses_and_leaves_no_store(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp4"
    data = request.getfixturevalue(kind).read_bytes()
    path.write_bytes(data.replace(b"avc1\0\0\0\0", b"zzzz\0\0\0\0"))
    answer = CliRunner().invoke(app, ["prep", "folder", str(path), "--work", str(tmp_path / "work")])
    assert answer.exit_code == 2
    assert not [*(tmp_path / "work").rglob("*.h5"), *(tmp_path / "work").rglob("receipt.json")]
    printed = answer.stderr + capfd.readouterr().err
    assert str(path) in printed and "`ffmpeg -i a.mp4 -c:v libx264 a-h264.mp4`" in printed
    assert "VIDEOIO" not in printed and "global cap" not in printed  # OpenCV's own words


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(["mp4", "mkv", "avi"]), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12)), max_size=6))
def test_whatever_a_container_claims_looking_at_it_ends(
    tmp_path_factory: pytest.TempPathFactory, kind: str, damage: list[tuple[float, bytes]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path, broken = folder / f"whole.{kind}", folder / f"broken.{kind}"
    if not path.exists():
        movie(path, pictures(5), *H264, "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    for place, value in damage:
        start = round(place * len(data))
        data[start : start + len(value)] = value
    broken.write_bytes(data)
    found = read_container(broken)
    assert found.missing >= 0
    if not damage:
        assert found.tracks is not None and len(found.tracks.codecs) == 1
