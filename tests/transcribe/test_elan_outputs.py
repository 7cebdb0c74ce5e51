"""To which ELAN file the tiers of each recording are added; the rest is tested with the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from elan_files import Eaf

from sla_cli.errors import SlaError
from sla_cli.transcribe.elan_outputs import with_elan_files, with_own_elan_files
from sla_cli.transcribe.find_recordings import find_recordings
from sla_cli.transcribe.outputs import plan_outputs


def added(folder: str, *videos: str) -> dict[str, str]:
    """The recordings whose tiers are added, with their ELAN file; the reason for each that is left out."""
    jobs = plan_outputs([one for video in videos for one in find_recordings(Path(video))], None, ())
    kept, left = with_elan_files(jobs, len(jobs), Path(folder))
    return {str(job.recording): str(job.add_to) for job in kept} | {
        str(job.recording): error.message if error else "left out" for job, error in left
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cameras of one ELAN file, two names that differ in capitals, and two videos with the name of one file."""
    monkeypatch.chdir(tmp_path)
    for name in ("cam1.mp4", "cam2.mp4", "Rec.mp4", "rec.mp4", "one.mp4", "one.mkv"):
        (tmp_path / name).touch()
    for name, *videos in (("session", "cam1.mp4", "cam2.mp4"), ("rec",), ("one",)):
        links = [{"MEDIA_URL": f"file:///C:/{video}", "MIME_TYPE": "video/*"} for video in videos]
        (tmp_path / f"{name}.eaf").write_text(Eaf(links=links).xml(), encoding="utf-8")
    return tmp_path


def test_cameras_are_one_recording_in_any_spelling_of_their_folder(folder: Path) -> None:
    other = str(folder / "cam2.mp4")
    assert added(".", "cam1.mp4", other) == {"cam1.mp4": "session.eaf", other: "left out"}
    assert added(".", "cam2.mp4") == {"cam2.mp4": "session.eaf"}, "it alone is asked for"


def test_a_recording_with_an_elan_file_of_another_name_gets_no_second_one(folder: Path) -> None:
    (folder / "u\u0308.mp4").touch()
    shutil.copy("rec.eaf", "\u00fc.eaf")
    (folder / "new.mp4").touch()
    (folder / "one.mkv").unlink()
    for out in (None, folder):
        jobs = with_own_elan_files(plan_outputs(find_recordings(Path()), out, ("eaf", "srt")), out)
        found = {job.recording.place.name: job for job in jobs}
        assert {name: job.files["eaf"].name for name, job in found.items()} == {
            **{"cam1.mp4": "session.eaf", "cam2.mp4": "session.eaf", "rec.mp4": "rec.eaf", "Rec.mp4": "Rec.eaf"},
            **{"u\u0308.mp4": "\u00fc.eaf", "new.mp4": "new.eaf", "one.mp4": "one.eaf"},
        }
    assert list(found["cam1.mp4"].missing) == ["srt"] and list(found["new.mp4"].missing) == ["eaf", "srt"]


def test_a_file_elsewhere_in_the_given_folder_is_that_of_the_recording_that_it_links(folder: Path) -> None:
    """As for `sla annotate` and `sla next`: one beside the recording would hide it from them."""
    (folder / "in" / "elan").mkdir(parents=True)
    (folder / "in" / "C1.mp4").touch()
    link = {"MEDIA_URL": "", "RELATIVE_MEDIA_URL": "../C1.mp4", "MIME_TYPE": "video/*"}
    Path("in/elan/monday.eaf").write_text(Eaf(links=[link]).xml(), encoding="utf-8")
    for given, eaf in (("in", "in/elan/monday.eaf"), ("in/C1.mp4", "in/C1.eaf")):
        jobs = plan_outputs(find_recordings(Path(given)), None, ("eaf",))
        assert [str(job.files["eaf"]) for job in with_own_elan_files(jobs, None, [Path(given)])] == [eaf]


def test_for_other_formats_no_elan_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.transcribe.elan_outputs.elan_files", None)
    jobs = plan_outputs(find_recordings(Path("cam1.mp4")), None, ("srt",))
    assert with_own_elan_files(jobs, None, [Path()]) == jobs


def test_two_recordings_never_have_one_file(folder: Path) -> None:
    for other in ("one.mkv", str(folder / "one.mkv")):
        with pytest.raises(SlaError, match=r"would have one ELAN file in \."):
            added(".", "one.mp4", other)
    assert added(".", "one.mkv") == {"one.mkv": "one.eaf"}


def test_days_with_the_same_names_have_the_files_that_link_them(folder: Path) -> None:
    """Of a folder beside theirs, and of the one that they are in."""
    (folder / "elan").mkdir()
    for day in ("monday", "tuesday"):
        (folder / day).mkdir()
        (folder / day / "C1.mp4").touch()
        link = {"MEDIA_URL": "", "RELATIVE_MEDIA_URL": f"../{day}/C1.mp4", "MIME_TYPE": "video/*"}
        (folder / "elan" / f"{day}.eaf").write_text(Eaf(links=[link]).xml(), encoding="utf-8")
    both = {f"{day}/C1.mp4": f"elan/{day}.eaf" for day in ("monday", "tuesday")}
    for place in ("elan", "."):
        assert added(place, "monday", "tuesday") == added(place, "monday") | added(place, "tuesday") == both
    (folder / "elan" / "tuesday.eaf").unlink()
    left = {"tuesday/C1.mp4": "tuesday/C1.mp4: no ELAN file in elan has its name or links it"}
    assert added("elan", "tuesday") == left
    (folder / "elan" / "monday.eaf").rename("elan/C1.eaf")
    left = {"tuesday/C1.mp4": "tuesday/C1.mp4: elan/C1.eaf has its name, but links another video of this name"}
    assert added("elan", "tuesday") == left
    assert added("elan", "tuesday", "monday") == {"monday/C1.mp4": "elan/C1.eaf", **left}


def test_a_name_that_differs_in_capitals_is_another_also_alone(folder: Path) -> None:
    for name in ("rec.eaf", "cam2.mp4"):
        (folder / "elan").mkdir(exist_ok=True)
        shutil.copy(name, folder / "elan")
    for place in (".", "elan"):
        fault = f"Rec.mp4: no ELAN file in {place} has its name or links it"
        assert added(place, "Rec.mp4") == {"Rec.mp4": fault}
        assert added(place, "rec.mp4", "Rec.mp4") == {"rec.mp4": str(Path(place, "rec.eaf")), "Rec.mp4": fault}


def test_an_archive_lies_in_its_folder(folder: Path) -> None:
    (folder / "in" / "deep").mkdir(parents=True)
    (folder / "in" / "deep" / "rec.mp4").touch()
    shutil.make_archive("packed", "zip", "in")
    assert added(".", "packed.zip") == {"packed.zip/deep/rec.mp4": "rec.eaf"}
