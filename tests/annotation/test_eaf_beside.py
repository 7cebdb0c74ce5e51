"""Which ELAN file of a folder is that of a video."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from elan_files import Eaf

from sla_cli.annotation.eaf_beside import elan_files

TUESDAY = "mardi à \udce9"  # a name of Latin-1, which is not UTF-8


def links(*names: str, key: str = "MEDIA_URL") -> str:
    return Eaf(links=[{key: f"file:///C:/corpus/{name}", "MIME_TYPE": "video/mp4"} for name in names]).xml()


def found(folder: Path, videos: str) -> tuple[dict[str, str], dict[str, str]]:
    """By name: the ELAN file of each video, and that of each further one."""
    result = elan_files([folder / name for name in videos.split()], folder.iterdir())
    return tuple({video.name: eaf.name for video, eaf in some.items()} for some in (result.of, result.further))  # type: ignore[return-value]


def test_cameras_of_one_recording_are_one(tmp_path: Path) -> None:
    """The one that is linked first, or has the name of the ELAN file."""
    (tmp_path / "rec.eaf").write_text(links("rec%20cam1.mp4", "rec_cam2.mp4", "rec.wav"))
    names = "rec_cam2.mp4 other.mp4"
    cameras = elan_files([tmp_path / "rec cam1.mp4", *(tmp_path / name for name in names.split())], tmp_path.iterdir())
    assert {one.name: eaf.name for one, eaf in cameras.of.items()} == {
        "rec cam1.mp4": "rec.eaf", "other.mp4": "other.eaf",
    }  # fmt: skip
    assert cameras.further == {tmp_path / "rec_cam2.mp4": tmp_path / "rec.eaf"}
    (tmp_path / "b.eaf").write_text(links("b_cam2.mp4", "b.mp4"))
    assert found(tmp_path, "b_cam2.mp4 b.mp4") == ({"b.mp4": "b.eaf"}, {"b_cam2.mp4": "b.eaf"})
    (tmp_path / "b.mp4").touch()
    assert found(tmp_path, "b_cam2.mp4") == ({"b_cam2.mp4": "b.eaf"}, {}), "it alone is asked for"


def test_a_link_to_a_video_that_is_there_means_no_other(tmp_path: Path) -> None:
    """Cameras count anew on each day: the path counts before the name, also before that of the ELAN file."""
    home = tmp_path / "elan"
    videos = {day: tmp_path / day / "C1.mp4" for day in ("monday", TUESDAY, "wednesday")}
    for place in (home, *(video.parent for video in videos.values())):
        place.mkdir()

    def of(*days: str) -> dict[Path, str]:
        homes = {videos[day].parent: home for day in days}
        result = elan_files([videos[day] for day in days], home.iterdir(), homes)
        assert not result.further
        return {video: eaf.name for video, eaf in result.of.items() if eaf.is_file()}

    for day, url in (("monday", "../monday/C1.mp4"), (TUESDAY, videos[TUESDAY].as_uri())):
        videos[day].touch()
        (home / f"{day}.eaf").write_text(Eaf(links=[{"RELATIVE_MEDIA_URL": url, "MIME_TYPE": "video/mp4"}]).xml())
    expected = {videos[day]: f"{day}.eaf" for day in ("monday", TUESDAY)}
    assert of("monday", TUESDAY) == of("monday") | of(TUESDAY) == expected
    assert of("wednesday") == {}
    (home / "monday.eaf").rename(home / "C1.eaf")
    assert of(TUESDAY) == {videos[TUESDAY]: f"{TUESDAY}.eaf"}
    assert of("monday") == {videos["monday"]: "C1.eaf"}
    assert of("wednesday") == {}, "nor is it that of its name"
    videos["monday"].unlink()
    assert of("wednesday") == {videos["wednesday"]: "C1.eaf"}, "its link leads nowhere"


def test_of_several_files_that_link_a_video_the_nearest_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a backup copy. One of the video's name beside it comes before all."""
    files = [tmp_path / name for name in ("backup/session.eaf", "session.eaf", "v/z - Copy.eaf", "v/z.eaf")]
    video = tmp_path / "v" / "rec.mp4"
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Eaf(links=[{"MEDIA_URL": video.as_uri(), "MIME_TYPE": "video/mp4"}]).xml())
    video.touch()
    for number, file in ((2, "session.eaf"), (4, "v/z.eaf")):
        assert elan_files([video], files[:number]).of == {video: tmp_path / file}
        assert f"{tmp_path / file} and not " in caplog.text
    caplog.clear()
    (tmp_path / "proxy.mp4").touch()
    (own := video.with_suffix(".eaf")).write_text(links("../proxy.mp4", key="RELATIVE_MEDIA_URL"))
    assert elan_files([video], [*files, own]).of == {video: own}
    assert not caplog.text


def test_a_converted_video_keeps_its_elan_file_while_the_original_is_there(tmp_path: Path) -> None:
    for name in ("old/rec.mp4", "rec.webm"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    link = {"RELATIVE_MEDIA_URL": "./old/rec.mp4", "MIME_TYPE": "video/mp4"}
    (tmp_path / "s.eaf").write_text(Eaf(links=[link]).xml())
    assert found(tmp_path, "rec.webm") == ({"rec.webm": "s.eaf"}, {})
    assert found(tmp_path, "rec.webm old/rec.mp4")[0] == {"rec.mp4": "s.eaf", "rec.webm": "rec.eaf"}


def test_a_folder_between_two_videos_of_one_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "z.eaf").write_text(links("a.mp4", "z.mp4"))
    assert found(tmp_path, "a.mp4 b/y.mp4 z.mp4") == ({"y.mp4": "y.eaf", "z.mp4": "z.eaf"}, {"a.mp4": "z.eaf"})


def test_the_ending_of_a_link_does_not_matter_where_the_name_is_that_of_one_video(tmp_path: Path) -> None:
    (tmp_path / "x.eaf").write_text(links("Clip.mp4"))
    assert found(tmp_path, "clip.avi") == ({"clip.avi": "x.eaf"}, {})
    assert found(tmp_path, "clip.avi clip.mov")[0] == {"clip.avi": "clip.eaf", "clip.mov": "clip.eaf"}
    assert found(tmp_path, "clip.avi clip.mp4") == ({"clip.avi": "clip.eaf", "clip.mp4": "x.eaf"}, {})


def test_a_video_with_an_elan_file_of_its_name_belongs_to_that_one(tmp_path: Path) -> None:
    for name in ("rec.eaf", "rec_cam1.EAF"):
        (tmp_path / name).write_text(links("rec_cam1.mp4", "rec_cam2.mp4"))
    assert found(tmp_path, "rec_cam1.mp4") == ({"rec_cam1.mp4": "rec_cam1.EAF"}, {})


@pytest.mark.parametrize(("video", "eaf"), [("Zo\u00eb.mp4", "Zoe\u0308.eaf"), ("Ame\u0301.mp4", "Am\u00e9.EAF")])
def test_accents_have_two_forms_and_the_ending_may_have_capitals(tmp_path: Path, video: str, eaf: str) -> None:
    (tmp_path / eaf).write_text(links("x.mp4"))
    assert found(tmp_path, video) == ({video: eaf}, {})


def test_capitals_count_only_where_two_files_differ_in_them(tmp_path: Path) -> None:
    (tmp_path / "a.eaf").write_text(links("CAM.MP4"))
    assert found(tmp_path, "A.mp4 b.mp4") == ({"A.mp4": "a.eaf", "b.mp4": "b.eaf"}, {})
    assert found(tmp_path, "A.mp4 a.mp4") == ({"A.mp4": "A.eaf", "a.mp4": "a.eaf"}, {})
    assert found(tmp_path, "cam.mp4")[0] == {"cam.mp4": "a.eaf"}
    assert found(tmp_path, "caf\u00e9.mp4 cafe\u0301.mp4") == (
        {"caf\u00e9.mp4": "caf\u00e9.eaf", "cafe\u0301.mp4": "cafe\u0301.eaf"}, {},
    )  # fmt: skip
    assert found(tmp_path, "cam.mp4 Cam.mp4")[0] == {"cam.mp4": "cam.eaf", "Cam.mp4": "Cam.eaf"}


def test_a_video_that_is_not_asked_for_keeps_its_elan_file(tmp_path: Path) -> None:
    """So a video has the same one alone and with the others of its folder."""
    for name, *linked in (
        ("rec1.eaf",),
        ("\u00fc.eaf",),
        ("a.eaf", "cam.mp4"),
        ("rec.1.eaf",),
        (".old.eaf", "lone.mp4"),
    ):
        (tmp_path / name).write_text(links(*linked))
    for name in ("rec1.mp4", "\u00fc.mp4", "cam.mp4", ".lone.mp4"):
        (tmp_path / name).touch()
    for name in ("Rec1.mp4", "u\u0308.mp4", "Cam.mp4"):
        assert found(tmp_path, name) == ({name: name.replace("mp4", "eaf")}, {})
    assert found(tmp_path, "lone.mp4") == ({"lone.mp4": "lone.eaf"}, {}), "a hidden ELAN file is of none"
    assert found(tmp_path, "rec.1") == ({"rec.1": "rec.1.eaf"}, {}), "a folder of pictures has no ending"


def test_links_are_those_that_a_parser_of_xml_finds(tmp_path: Path) -> None:
    """However far the header reaches, and whatever stands in attributes and comments."""
    text = links("cam.mp4").replace("<HEADER", f"<!-- {'-x' * (1 << 16)} --><HEADER")
    text = text.replace(
        "<MEDIA_DESCRIPTOR", '<!-- <MEDIA_DESCRIPTOR MEDIA_URL="other.mp4"/> --><MEDIA_DESCRIPTOR A=">"'
    )
    (tmp_path / "rec.eaf").write_text(text)
    assert found(tmp_path, "cam.mp4 other.mp4")[0] == {"cam.mp4": "rec.eaf", "other.mp4": "other.eaf"}


@pytest.mark.timeout(200)
def test_a_link_of_two_addresses_is_that_of_the_file_which_is_there(tmp_path: Path) -> None:
    """The relative one first, as prep does; of a folder that was moved, one may be old. A folder is no ELAN file."""
    both = {"MEDIA_URL": "file:///C:/corpus/rec.mp4", "RELATIVE_MEDIA_URL": "./old.mp4", "MIME_TYPE": "video/mp4"}
    (tmp_path / "session.eaf").write_text(Eaf(links=[both]).xml())
    (tmp_path / "rec.eaf").mkdir()
    assert found(tmp_path, "rec.mp4") == ({"rec.mp4": "session.eaf"}, {})
    assert found(tmp_path, "rec.mp4 old.mp4") == ({"old.mp4": "session.eaf", "rec.mp4": "rec.eaf"}, {})


def test_a_pipe_and_a_header_without_end_cost_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.eaf")
    (tmp_path / "long.eaf").write_text("<MEDIA_DESCRIPTOR " * 100_000)
    assert found(tmp_path, "cam.mp4") == ({"cam.mp4": "cam.eaf"}, {})


def test_a_link_in_another_folder_or_in_a_damaged_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "rec.eaf").write_text(links("cam.mp4"))
    (tmp_path / "broken.eaf").write_bytes(b'<MEDIA_DESCRIPTOR MEDIA_URL="\xff')
    files = [*tmp_path.iterdir(), *(tmp_path / "sub").iterdir()]
    assert elan_files([tmp_path / "cam.mp4"], files).of == {tmp_path / "cam.mp4": tmp_path / "cam.eaf"}
