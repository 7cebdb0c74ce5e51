"""A recording has the frames that were given, at their times, and a kill costs at most the last second."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from forked import Forked
from movies import as_ffmpeg_shows, numbers, pictures
from synthetic import disk_with

from sla_cli.core.clip import Source
from sla_cli.errors import SlaError
from sla_cli.video.frames import FrameReader
from sla_cli.video.recorder import Recorder, check_recording

COUNT = 100
TIMES = [0.12 + number * 0.04 + number % 3 * 0.007 for number in range(COUNT)]  # of a camera that is not even


def recorded(path: Path) -> tuple[list[float], list[int]]:
    """Times, and which pictures, as sla reads them."""
    frames = list(FrameReader(Source(path.parent, path.name)))
    return [time for time, _ in frames], numbers([image for _, image in frames])


def record(path: Path) -> None:
    with Recorder(path) as recorder:
        for time, picture in zip(TIMES, pictures(COUNT), strict=True):
            recorder.add(time, picture)


def record_and_die(path: Path) -> None:
    recorder = Recorder(path)
    for time, picture in zip(TIMES, pictures(COUNT), strict=True):
        recorder.add(time, picture)
    os.kill(os.getpid(), signal.SIGKILL)


def test_frames_and_times_are_those_given(tmp_path: Path) -> None:
    record(tmp_path / "new" / "a.mkv")
    times, found = recorded(tmp_path / "new" / "a.mkv")
    assert found == list(range(COUNT)) == numbers(as_ffmpeg_shows(tmp_path / "new" / "a.mkv"))
    assert times == pytest.approx(TIMES, abs=5e-4)


def test_what_was_recorded_before_a_kill_is_a_video(tmp_path: Path) -> None:
    killed = Forked(record_and_die, tmp_path / "a.mkv", printed=tmp_path)
    killed.communicate(timeout=200)
    assert killed.returncode == -signal.SIGKILL
    times, found = recorded(tmp_path / "a.mkv")
    assert found == list(range(len(found))) and times == pytest.approx(TIMES[: len(found)], abs=5e-4)
    assert times[-1] > TIMES[-1] - 1.1


def test_pictures_of_any_size(tmp_path: Path) -> None:
    """The size of the video is that of the first picture, without an odd row or column."""
    first, other = pictures(1, 64)[0][:63, :51], pictures(2, 96)[1]
    with Recorder(tmp_path / "a.mkv") as recorder:
        recorder.add(0.0, first)
        recorder.add(0.0, other)  # a time is never twice in a video
        recorder.add(1.0, np.zeros((1, 1, 3), np.uint8))
    times, _ = recorded(tmp_path / "a.mkv")
    assert times == pytest.approx([0, 0.001, 1])
    shown = as_ffmpeg_shows(tmp_path / "a.mkv", 62, 50)
    assert len(shown) == 3 and abs(shown[0].astype(int) - first[:62, :50]).mean() < 8


def test_a_recording_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "a.mkv").write_bytes(b"somebody")
    with pytest.raises(SlaError, match="never replaced"):
        check_recording(tmp_path / "a.mkv")
    with pytest.raises(SlaError, match="Matroska"):
        check_recording(tmp_path / "a.mp4")
    with (
        Recorder(tmp_path / "a.mkv") as recorder,
        pytest.raises(SlaError, match="File exists; nothing is recorded") as caught,
    ):
        recorder.add(0.0, pictures(1)[0])
    assert caught.value.hint == "Give another name."
    assert (tmp_path / "a.mkv").read_bytes() == b"somebody"
    with Recorder(tmp_path / "none.mkv"):
        pass
    assert not (tmp_path / "none.mkv").exists()


def test_a_full_disk_is_named_also_when_the_file_is_closed(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    with disk_with(30_000), pytest.raises(SlaError, match="File too large"), Recorder(tmp_path / "a.mkv") as recorder:
        for number in range(50):
            recorder.add(number / 25, np.roll(noise, number, 0))


def test_a_frame_that_is_kept_is_one_frame(tmp_path: Path) -> None:
    with Recorder(tmp_path / "a.mkv") as recorder:
        recorder.add(0.0, pictures(1)[0])
        refused = recorder._refused(PermissionError(errno.EACCES, "Permission denied"))
    assert refused.message.endswith("Permission denied; 1 frame is kept")
    assert refused.hint == "Check the permissions, or write into another folder."


def test_a_picture_that_no_encoder_takes_is_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(SlaError, match=r"cannot write .*a\.mkv: .*nothing is recorded"),
        Recorder(tmp_path / "a.mkv") as made,
    ):
        made.add(0.0, np.zeros((2, 32_000, 3), np.uint8))
