"""Files that give no pictures are refused in one sentence that names file, reason and remedy; none hangs or fills
the memory, and unusual but valid files are read."""

from __future__ import annotations

import re
import shlex
import socket
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hostile_videos import LISTS
from hypothesis import given, settings
from hypothesis import strategies as st
from movies import as_ffmpeg_shows, ffmpeg, movie, numbers, pictures
from typer.testing import CliRunner

from sla_cli.cli.main import app
from sla_cli.core.clip import Source
from sla_cli.errors import FrameError
from sla_cli.video import tree, video_file
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


@pytest.fixture
def unknown(tmp_path: Path) -> Path:
    """A codec that FFmpeg does not have."""
    path = movie(tmp_path / "my signing.avi", pictures(40), "-c:v", "mpeg4")
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"ZZZZ"))
    return path


def test_a_codec_that_cannot_be_decoded_is_refused_with_the_way_out(
    unknown: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = unknown.read_bytes()
    monkeypatch.chdir(unknown.parent)
    for stem in ("-vf", "12:30", "my signing"):  # an option and an address, if they were typed as they are
        path = Path(f"{stem}.avi")
        path.write_bytes(data)
        error = refusal(path)
        assert error.message.endswith("has a codec that FFmpeg does not decode")
        path.write_bytes(data.replace(b"ZZZZ", b"FMP4"))  # as for another ffmpeg that has it
        ffmpeg(*shlex.split(error.hint.split("`")[1])[1:])
        assert numbers(read(unknown.parent / f"{stem}-h264.mp4")) == list(range(40))
    assert error.hint == "Convert it: `ffmpeg -i 'my signing.avi' -c:v libx264 'my signing-h264.mp4'`"


def test_an_encrypted_video_is_refused(h264: Path, tmp_path: Path) -> None:
    """FFmpeg decodes it to a few grey pictures."""
    key = ("-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
    ffmpeg("-i", str(h264), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, str(tmp_path / "a.mp4"))
    assert refusal(tmp_path / "a.mp4").message.endswith("is encrypted")


@pytest.mark.parametrize("ending", ["mp4", "m4a", "mkv", "webm", "avi", "wav", "mp3", "flac", "ogg", "ts"])
def test_sound_without_pictures_is_said_to_be_that(tmp_path: Path, ending: str) -> None:
    ffmpeg(*SOUND, str(tmp_path / f"a.{ending}"))
    assert "holds sound, but no video stream" in refusal(tmp_path / f"a.{ending}").message


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


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.ts", "a.m3u8"])
def test_lists_of_other_files_are_neither_drawn_nor_followed(
    h264: Path, tmp_path: Path, name: str, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing but the named file is opened, wherever the process stands; not even one that is read from its disk."""
    monkeypatch.chdir(tmp_path)
    if large:
        monkeypatch.setattr(tree, "IN_MEMORY", 0)
    ffmpeg("-i", str(h264), "-c", "copy", "b.mp4")
    ffmpeg("-i", str(h264), "-c", "copy", "b.ts")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = str(server.getsockname()[1]).encode()
        for content in LISTS.values():
            path = tmp_path / name
            path.write_bytes(content.replace(b"{port}", port))
            assert re.search("does not open as a video|has no video stream", refusal(path).message)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_movie_whose_pictures_are_in_another_file_is_refused(h264: Path, tmp_path: Path) -> None:
    """QuickTime allows it: the data reference of a track names the file. FFmpeg can follow it."""
    data = h264.read_bytes()
    own = b"\0\0\0\x1cdref\0\0\0\0\0\0\0\x01\0\0\0\x0curl \0\0\0\x01"
    name = b"other.mp4\0"
    entry = struct.pack(">I4sI", 12 + len(name), b"url ", 0) + name
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    assert data.count(own) == 1
    changed = bytearray(data.replace(own, box))
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = changed.index(kind) - 4
        changed[at : at + 4] = struct.pack(">I", int.from_bytes(changed[at : at + 4]) + len(box) - len(own))
    (tmp_path / "other.mp4").write_bytes(data)
    start, stop = changed.index(b"mdat") + 4, changed.index(b"moov") - 4
    changed[start:stop] = bytes(stop - start)  # nothing of its own
    (tmp_path / "a.mov").write_bytes(changed)
    refusal(tmp_path / "a.mov")


def test_a_raw_video_with_words_at_its_head_is_read(tmp_path: Path) -> None:
    assert numbers(read(movie(tmp_path / "a.y4m", pictures(10), "-pix_fmt", "yuv420p"))) == list(range(10))


def test_an_interrupted_recording_is_said_to_lack_its_list_of_tracks(h264: Path, tmp_path: Path) -> None:
    data = h264.read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: data.index(b"moov") - 4])
    assert refusal(tmp_path / "a.mp4").message.endswith("no list of its tracks, was found")
    (tmp_path / "b.mp4").write_bytes(data[: data.index(b"moov") - 5])
    assert refusal(tmp_path / "b.mp4").message.endswith("1 byte is missing at its end")


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


@pytest.mark.parametrize(("width", "height"), [(1, 1), (100, 1), (1, 100), (131, 77)])
@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.webm"])
def test_odd_sizes_are_read_as_ffmpeg_shows_them(tmp_path: Path, width: int, height: int, name: str) -> None:
    kinds = {
        "a.mp4": ("-c:v", "libx264", "-pix_fmt", "yuv444p"),
        "a.avi": ("-c:v", "rawvideo", "-pix_fmt", "bgr24"),
        "a.webm": ("-c:v", "libvpx-vp9", "-lossless", "1", "-pix_fmt", "yuv444p"),
    }
    ramp = np.linspace(0, 255, 2 * height * width * 3).reshape(2, height, width, 3).astype(np.uint8)
    path = movie(tmp_path / name, ramp, *kinds[name])
    assert np.abs(np.stack(read(path)).astype(int) - as_ffmpeg_shows(path, height, width)).mean() < 3


def test_one_frame_of_8k_is_read(tmp_path: Path) -> None:
    grey = ("-f", "lavfi", "-i", "color=0x5a5a5a:size=7680x4320", "-frames:v", "1")
    ffmpeg(*grey, *H264, "-preset", "ultrafast", str(tmp_path / "a.mp4"))
    (frame,) = read(tmp_path / "a.mp4")
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
    assert "more than 64 million pixels" in printed and "-vf scale=1920:-2" in printed
    assert int(kilobytes) < 100_000


def test_a_clock_that_jumps_is_no_pause_of_a_day(tmp_path: Path) -> None:
    jump = "setpts='if(lt(N,15),N,N+25*86400)/(25*TB)'"
    path = movie(tmp_path / "a.mkv", pictures(30), *H264, "-bf", "0", "-vf", jump, "-fps_mode", "passthrough")
    error = refusal(path)
    assert "jumps from 0.56 s to 86400.60 s after frame 15" in error.message
    # a conversion keeps the times
    assert (
        f"-to 300.56 -c:v libx264 {tmp_path}/a-before.mp4" in error.hint
        and f"-ss 86400.60 -c:v libx264 {tmp_path}/a-after.mp4" in error.hint
    )


def test_the_command_line_refuses_and_leaves_no_store(
    unknown: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = CliRunner().invoke(app, ["prep", "folder", str(unknown), "--work", str(tmp_path / "work")])
    assert answer.exit_code == 2
    assert not [*(tmp_path / "work").rglob("*.h5"), *(tmp_path / "work").rglob("receipt.json")]
    printed = answer.stderr + capfd.readouterr().err
    assert (
        str(unknown) in printed
        and f"`ffmpeg -i '{unknown}' -c:v libx264 '{unknown.with_name('my signing-h264.mp4')}'`" in printed
    )
    assert "[avi" not in printed and "@ 0x" not in printed  # FFmpeg's own words


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(["mp4", "mkv", "avi"]), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12)), max_size=6))
def test_whatever_a_container_claims_reading_it_ends(
    tmp_path_factory: pytest.TempPathFactory, kind: str, damage: list[tuple[float, bytes]]
) -> None:
    """With all frames, or with an error that names the file."""
    folder = tmp_path_factory.getbasetemp()
    path, broken = folder / f"whole.{kind}", folder / f"broken.{kind}"
    if not path.exists():
        movie(path, pictures(5), *H264, "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    for place, value in damage:
        start = round(place * len(data))
        data[start : start + len(value)] = value
    broken.write_bytes(data)
    try:
        found = read(broken)
    except FrameError as error:
        assert str(broken) in error.message and damage
    else:
        assert found


def test_a_small_file_of_many_huge_pictures_is_refused_before_all_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """46 kB of GIF were 18 minutes of work. Without the limit's constant part, so that the test is cheap."""
    frame = b"!\xf9\x04\x04\x04\0\0\0," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", 4000, 4000, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(head + 3 * frame + b";")
    assert len(read(tmp_path / "a.gif")) == 3
    monkeypatch.setattr(video_file, "PIXELS", 0)
    fault = refusal(tmp_path / "a.gif")
    assert "has more pixels in its first 1 frame than a recording of 89 bytes" in fault.message
    assert "scale=640:-2" in fault.hint
