"""Which recordings the queue of `sla annotate` has, and in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from annotating import SCOPE, write_suggestions
from elan_files import Eaf

from sla_cli.annotate.find import find_annotated
from sla_cli.annotate.recording import USUAL_RATE
from sla_cli.choose.candidate import Candidate
from sla_cli.choose.choose import Choice
from sla_cli.choose.table import write_choices
from sla_cli.errors import SlaError


def found(*paths: Path) -> list[tuple[str, str]]:
    """Name and ELAN file of each recording."""
    return [(one.name, one.eaf.name) for one in find_annotated(paths, SCOPE)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Videos at two depths, a picture, and ELAN files: of a video elsewhere, and of one that is missing."""
    for name in ("b.mp4", "a.webm", "deep/b.mp4", "deep/poster.jpg", ".hidden.mp4", "notes.txt"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).touch()
    (tmp_path / "camera.mp4").touch()
    link = {"MEDIA_URL": "", "RELATIVE_MEDIA_URL": "../camera.mp4", "MIME_TYPE": "video/mp4", "TIME_ORIGIN": "500"}
    (tmp_path / "in" / "z.eaf").write_text(Eaf(links=[link]).xml(), encoding="utf-8")
    write_suggestions(tmp_path / "in" / "lost.eaf")
    return tmp_path / "in"


def test_a_folder_is_searched_and_an_elan_file_finds_its_video(folder: Path) -> None:
    names = found(folder)
    assert [eaf for _, eaf in names] == ["a.eaf", "b.eaf", "b.eaf", "z.eaf"]
    assert len({name for name, _ in names}) == 4
    assert [name for name, _ in names][:2] == ["in/a.webm", "in/b.mp4"]


def test_an_ending_in_capitals_is_that_of_the_file_beside_a_video(folder: Path) -> None:
    for name in ("a.EAF", "b.Eaf"):
        write_suggestions(folder / name)
    assert [eaf for _, eaf in found(folder)] == ["a.EAF", "b.Eaf", "b.eaf", "z.eaf"]
    assert found(folder / "a.webm") == [("a.webm", "a.EAF")]
    write_suggestions(folder / "a.eaf")
    assert found(folder / "a.webm") == [("a.webm", "a.eaf")]
    assert len({name for name, _ in found(folder)}) == 5, "none is left out, and each is told from the other"
    assert found(folder / "a.webm", folder / "a.EAF") == [("a.webm (a.eaf)", "a.eaf"), ("a.webm (a.EAF)", "a.EAF")]


def test_cameras_of_one_recording_are_one(folder: Path) -> None:
    links = [{"MEDIA_URL": f"file:///x/{name}", "MIME_TYPE": "video/mp4"} for name in ("b.mp4", "a.webm")]
    (folder / "rec.eaf").write_text(Eaf(links=links).xml(), encoding="utf-8")
    assert [(one.video.name, one.eaf.name) for one in find_annotated([folder], SCOPE)][:1] == [("b.mp4", "rec.eaf")]
    assert "a.webm" not in {one.video.name for one in find_annotated([folder], SCOPE)}
    assert found(folder / "a.webm") == [("a.webm", "rec.eaf")], "it is named"
    assert found(folder / "rec.eaf") == [("b.mp4", "rec.eaf")]
    links.append({"MEDIA_URL": "file:///x/rec.mp4", "MIME_TYPE": "video/mp4"})
    (folder / "rec.eaf").write_text(Eaf(links=links).xml(), encoding="utf-8")
    (folder / "rec.mp4").touch()
    assert found(folder / "rec.eaf") == [("rec.mp4", "rec.eaf")], "as of the folder"


def test_the_first_of_the_linked_videos_that_are_there_is_shown(folder: Path) -> None:
    links = [
        {"MEDIA_URL": "", "RELATIVE_MEDIA_URL": f"./{name}", "MIME_TYPE": "video/mp4"} for name in ("c.mp4", "b.mp4")
    ]
    (folder / "rec.eaf").write_text(Eaf(links=links).xml(), encoding="utf-8")
    for given in (folder / "rec.eaf", folder):
        assert ("b.mp4", "rec.eaf") in {(one.video.name, one.eaf.name) for one in find_annotated([given], SCOPE)}
    (folder / "c.mp4").touch()
    assert [one.video.name for one in find_annotated([folder / "rec.eaf"], SCOPE)] == ["c.mp4"]


def test_an_elan_file_in_another_folder_is_that_of_the_video_that_it_links(folder: Path) -> None:
    (folder / "deep" / "c.mp4").touch()
    link = {"MEDIA_URL": "", "RELATIVE_MEDIA_URL": "./deep/c.mp4", "MIME_TYPE": "video/mp4"}
    (folder / "up.eaf").write_text(Eaf(links=[link]).xml(), encoding="utf-8")
    listed = {(one.video, one.eaf) for one in find_annotated([folder], SCOPE)}
    assert (folder / "deep" / "c.mp4", folder / "up.eaf") in listed and len(listed) == 5
    write_choices(folder / "next.tsv", [Choice(Candidate("c", 1.0, "", "deep/c.mp4", "up.eaf"), 0.1, 0.9, "")])
    [one] = find_annotated([folder / "next.tsv"], SCOPE)
    assert (one.video, one.eaf) == (folder / "deep" / "c.mp4", folder / "up.eaf"), "as `sla next` found it"
    write_suggestions(folder / "deep" / "c.eaf")
    assert len(found(folder)) == 6, "two files of it are there"


def test_pictures_are_no_queue_and_a_gif_beside_them_is_their_preview(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("signs/1.png", "signs/preview.gif", "moving/a.GIF"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert [eaf for _, eaf in found(folder)] == ["a.eaf", "b.eaf", "b.eaf", "a.eaf", "z.eaf"]
    assert "left out signs/preview.gif: the pictures beside it are the recording" in caplog.text
    assert "left out signs: folders of pictures, and the page plays video files" in caplog.text


@pytest.mark.timeout(20)
def test_a_pipe_and_a_link_that_leads_nowhere_are_no_videos(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    os.mkfifo(folder / "pipe.mp4")
    (folder / "gone.mp4").symlink_to("nowhere.mp4")
    names = found(folder)
    assert len(names) == 4 and not {"pipe.eaf", "gone.eaf"} & {eaf for _, eaf in names}
    assert "left out gone.mp4, pipe.mp4: not a regular file" in caplog.text
    (folder / "b.eaf").symlink_to("elsewhere.eaf")
    with pytest.raises(SlaError, match=r"b\.eaf is a link that leads nowhere"):
        find_annotated([folder / "b.mp4"], SCOPE)
    (folder / "b.eaf").unlink()
    [one] = find_annotated([folder / "b.mp4"], SCOPE)
    one.video.unlink()
    os.mkfifo(one.video)
    assert one.timing == (USUAL_RATE, 0)


@pytest.mark.parametrize("relative", ["", "../secret"])
def test_a_linked_file_that_is_no_video_is_not_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, relative: str
) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "in").mkdir()
    url = "" if relative else (tmp_path / "secret").as_uri()
    link = {"MEDIA_URL": url, "RELATIVE_MEDIA_URL": relative, "MIME_TYPE": "video/mp4"}
    eaf = tmp_path / "in" / "a.eaf"
    eaf.write_text(Eaf(links=[link]).xml(), encoding="utf-8")
    with pytest.raises(SlaError, match="secret is not a video file"):
        find_annotated([eaf], SCOPE)
    (tmp_path / "in" / "b.mp4").touch()
    assert found(tmp_path / "in") == [("b.mp4", "b.eaf")] and "secret is not a video file" in caplog.text


def test_the_given_order_is_kept_and_each_comes_once(folder: Path) -> None:
    assert found(folder / "b.mp4", folder / "z.eaf", folder / "a.webm", folder / "b.mp4") == [
        ("b.mp4", "b.eaf"), ("camera.mp4", "z.eaf"), ("a.webm", "a.eaf"),
    ]  # fmt: skip


def test_a_timeline_that_begins_later_than_the_video_is_known(folder: Path) -> None:
    [one] = find_annotated([folder / "z.eaf"], SCOPE)
    assert one.content().origin == 500
    link = {"MEDIA_URL": "file:///x/B.MOV", "MIME_TYPE": "video/quicktime", "TIME_ORIGIN": "700"}
    (folder / "b.eaf").write_text(Eaf(links=[link]).xml(), encoding="utf-8")
    [one] = find_annotated([folder / "b.mp4"], SCOPE)
    assert one.content().origin == 700, "the video was converted and renamed"
    links = [{"RELATIVE_MEDIA_URL": f"./{name}", "MIME_TYPE": "video/mp4"} for name in ("deep/b.mp4", "b.mp4")]
    (folder / "b.eaf").write_text(Eaf(links=[links[0], links[1] | {"TIME_ORIGIN": "900"}]).xml(), encoding="utf-8")
    [one] = find_annotated([folder / "b.mp4"], SCOPE)
    assert one.content().origin == 900, "of two videos of one name"


def test_two_videos_with_one_elan_file_are_refused(folder: Path) -> None:
    (folder / "a.mp4").touch()
    with pytest.raises(SlaError, match=r"a\.eaf is the ELAN file of two videos"):
        find_annotated([folder], SCOPE)


def test_a_table_of_next_is_a_queue_with_reasons(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    choices = [
        Choice(Candidate("b.mp4", 2.0, recording="b.mp4", start=1.5), 0.1, 0.9, "least sure: A"),
        Choice(Candidate("a.webm", 1.0, recording="a.webm", start=0.0), 0.2, 0.8, "least sure: B"),
        Choice(Candidate("b.mp4", 1.0, recording="b.mp4", start=7.0), 0.3, 0.7, "least sure: C"),
    ]
    write_choices(folder / "next.tsv", [])
    with pytest.raises(SlaError, match=r"next\.tsv lists nothing"):
        find_annotated([Path("next.tsv")], SCOPE)
    write_choices(folder / "next.tsv", choices)
    queue = find_annotated([Path("next.tsv")], SCOPE)
    monkeypatch.chdir("/")
    assert len(find_annotated([folder / "next.tsv"], SCOPE)) == 2, "the videos are beside the table"
    assert [(one.name, one.note(0)) for one in queue] == [
        ("b.mp4", "1.500 to 3.500 s: least sure: A, 7.000 to 8.000 s: least sure: C"),
        ("a.webm", "0.000 to 1.000 s: least sure: B"),
    ]
    assert queue[1].note(-2000) == "2.000 to 3.000 s: least sure: B", "on the timeline of the ELAN file"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("clip\tscore\na\t1\n", "line 1: no column recording, start, end, reason"),
        ("recording\tstart\tend\treason\n\t0\t1\tx\n", "line 2: nothing is no video"),
        ("recording\tstart\tend\treason\nnotes.txt\t0\t1\tx\n", "line 2: notes.txt is no video"),
        ("recording\tstart\tend\treason\ngone.mp4\t0\t1\tx\n", "line 2: no such video: gone.mp4"),
        ("recording\tstart\n", "line 1: no column end, reason"),
        ("recording\tstart\tend\treason\nb.mp4\tnan\t1\tx\n", "line 2: start and end are no times: 'nan', '1'"),
        ("recording\tstart\tend\treason\nb.mp4\t0\t-4\tx\n", "line 2: start and end are no times: '0', '-4'"),
        ("recording\tstart\tend\treason\nb.mp4\t0\t1e300\tx\n", "line 2: start and end are no times: '0', '1e300'"),
        ("recording\tstart\tend\treason\telan\nb.mp4\t0\t1\tx\tu.eaf\n", "line 2: no such ELAN file: u.eaf"),
    ],
)
def test_another_table_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str) -> None:
    monkeypatch.chdir(folder)
    Path("next.tsv").write_text(text)
    with pytest.raises(SlaError, match=fault):
        find_annotated([Path("next.tsv")], SCOPE)


def test_a_recording_in_an_archive_is_refused_with_what_helps(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    write_choices(folder / "next.tsv", [Choice(Candidate("b.mp4", 2.0, recording="notes.txt/b.mp4"), 0.1, 0.9, "")])
    with pytest.raises(SlaError) as caught:
        find_annotated([Path("next.tsv")], SCOPE)
    assert caught.value.hint == "It is in the archive notes.txt: unpack that, and choose with `sla next` in its folder."
