"""Recordings are found at any depth, each once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sla_cli.core.clip_name import clip_name
from sla_cli.core.endings import VIDEOS
from sla_cli.errors import SlaError
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpora.folder import FolderOptions
from sla_cli.transcribe.find_recordings import each_once, find_recordings

NAMES = [f"tea{ending}" for ending in (*VIDEOS, *(ending.upper() for ending in VIDEOS))]


def lay(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def found(path: Path) -> list[str]:
    return [recording.source.path for recording in find_recordings(path)]


@pytest.mark.parametrize("name", NAMES)
def test_a_video_of_any_kind_is_found_and_has_one_id(tmp_path: Path, name: str) -> None:
    root = lay(tmp_path / "mine", name, "notes.pdf")
    assert clip_name(name) == "tea"
    (recording,) = find_recordings(root)
    (named,) = find_recordings(root / name)
    assert (recording.name, named.name) == ("tea", "tea")
    corpus = find_corpus("folder")
    for source in (root, root / name):
        (clip,) = corpus.read(corpus.open(source, None), FolderOptions()).clips
        assert (clip.id, clip.source.path) == ("tea", name)


def test_pictures_beside_videos_are_not_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = lay(tmp_path / "mine", "a.mp4", "title.png", "b.gif", "frames/1.png", "frames/2.png", "deep/er/c.MTS")
    assert found(root) == ["a.mp4", "b.gif", "deep/er/c.MTS", "frames"]
    assert found(root / "frames") == [""]
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root))
    assert found(packed) == found(root)
    assert "left out 1 picture beside videos: title.png" in caplog.messages


def test_pictures_of_an_artifact_are_not_frames(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = lay(tmp_path / "mine", "a.mp4", "w/runs/r/run.toml", "w/runs/r/curves.png", "w/t/receipt.json", "w/t/t.png")
    assert found(root) == ["a.mp4"] and not caplog.messages
    assert found(lay(tmp_path / "export", "receipt.json", "dev/one/1.png")) == ["dev/one"]


def test_prep_of_videos_names_the_pictures_that_it_leaves_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = lay(tmp_path / "mine", "a.mp4", "title.png", "frames/1.png", "frames/2.png", "more/b.mp4", "more/c.jpg")
    corpus = find_corpus("folder")
    assert [clip.id for clip in corpus.read(corpus.open(root, None), FolderOptions()).clips] == ["a"]
    assert "left out 2 pictures beside videos: title.png, more/c.jpg" in caplog.messages
    assert (
        "2 recordings of other folders are not among them: frames, more/b.mp4; a table can list all" in caplog.messages
    )


def test_a_gif_beside_frames_is_a_preview(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = lay(tmp_path / "mine", "f/1.png", "f/2.png", "f/preview.gif", "g/a.gif", "v/1.png", "v/b.GIF", "v/b.mp4")
    assert found(root) == ["f", "g/a.gif", "v/b.GIF", "v/b.mp4"]
    assert found(root / "f") == [""]
    assert "left out f/preview.gif: the pictures beside it are the recording" in caplog.text


def test_outputs_go_beside_the_recording(tmp_path: Path) -> None:
    root = lay(tmp_path / "mine", "deep/a.mp4", "frames/1.png")
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", root))
    for path, folders in ((root, [root / "deep", root]), (packed, [tmp_path, tmp_path])):
        assert [(one.name, one.folder) for one in find_recordings(path)] == list(
            zip(("a", "frames"), folders, strict=True)
        )
    (frames,) = find_recordings(root / "frames")
    assert (frames.name, frames.folder) == ("frames", root)


def test_a_folder_of_pictures_named_as_a_video_is_none(tmp_path: Path) -> None:
    root = lay(tmp_path / "mine", "deep/b.mp4/1.png", "c.mp4")
    for path in (root, root / "deep" / "b.mp4"):
        one = find_recordings(path)[-1]
        assert (one.name, one.is_video, one.place) == ("b", False, root / "deep" / ("b.mp4" if path == root else "b"))
    assert find_recordings(root)[0].is_video


def test_a_recording_that_is_given_twice_is_taken_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its path and an absolute one, and with its folder; a link to it has a name of its own."""
    root = lay(tmp_path / "mine", "deep/a.mp4", "frames/1.png")
    (root / "b.mp4").symlink_to(root / "deep" / "a.mp4")
    monkeypatch.chdir(root)
    paths = ("deep/a.mp4", root / "deep/a.mp4", "deep/../deep/a.mp4", "deep", ".", "frames", "../mine/frames", "b.mp4")
    given = [one for path in paths for one in find_recordings(Path(path))]
    assert [str(one) for one in each_once(given)] == ["deep/a.mp4", "b.mp4", "frames"]


def test_links_in_a_circle_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    root = lay(tmp_path / "mine", "sub/a.mp4", "._a.mp4", ".hidden/b.mp4", "__MACOSX/c.mp4")
    (root / "sub" / "circle").symlink_to(root)
    (root / "again").symlink_to(root / "sub")
    assert [path.rpartition("/")[2] for path in found(root)] == ["a.mp4"]


def test_a_folder_without_recordings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"contains neither videos nor pictures: notes\.pdf"):
        find_recordings(lay(tmp_path / "mine", "notes.pdf"))
