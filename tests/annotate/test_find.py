"""Which recordings the queue of `sla annotate` has, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotating import SCOPE, write_suggestions
from elan_files import Eaf

from sla_cli.annotate.find import find_annotated
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


def test_the_given_order_is_kept_and_each_comes_once(folder: Path) -> None:
    assert found(folder / "b.mp4", folder / "z.eaf", folder / "a.webm", folder / "b.mp4") == [
        ("b.mp4", "b.eaf"), ("camera.mp4", "z.eaf"), ("a.webm", "a.eaf"),
    ]  # fmt: skip


def test_a_timeline_that_begins_later_than_the_video_is_known(folder: Path) -> None:
    [one] = find_annotated([folder / "z.eaf"], SCOPE)
    assert one.content().origin == 500


def test_two_videos_with_one_elan_file_are_refused(folder: Path) -> None:
    (folder / "a.mp4").touch()
    with pytest.raises(SlaError, match=r"a\.eaf is the ELAN file of two videos"):
        find_annotated([folder], SCOPE)
