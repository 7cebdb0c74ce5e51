"""ELAN files whose timeline begins within the recording."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_cases import EXAMPLE
from pympi.Elan import Eaf

from sla_cli.annotation.eaf_edit import add_to, check_can_add
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.tier import MediaLink, origin_in
from sla_cli.errors import FormatError


def eaf(folder: Path, *links: str) -> Path:
    path = folder / "a.eaf"
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<ANNOTATION_DOCUMENT AUTHOR="" DATE="2014-10-28T10:14:04+01:00" '
        'VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="x">\n'
        "<HEADER>"
        + "\n".join(f'<MEDIA_DESCRIPTOR MIME_TYPE="video/mp4" {link}/>' for link in links)
        + "</HEADER>\n<TIME_ORDER/></ANNOTATION_DOCUMENT>",
        encoding="utf-8",
    )
    return path


def added(path: Path, media: str) -> list[tuple[int, int, str]]:
    add_to(path, replace(EXAMPLE, media=Path("elsewhere") / media), Layout(sentences=True), replace=False)
    return read(path)


def read(path: Path) -> list[tuple[int, int, str]]:
    return [
        one for tier in ("SIGN", "SENTENCE") for one in sorted(Eaf(path).get_annotation_data_for_tier(tier))
    ]  # fmt: skip


UNMOVED = [(120, 500, "HEUTE"), (500, 900, "<A&B>"), (2000, 3000, '"REGEN"'),
           (120, 900, "HEUTE <A&B>"), (2000, 3000, '"REGEN"')]  # fmt: skip


def moved(by: int) -> list[tuple[int, int, str]]:
    return [(start + by, end + by, text) for start, end, text in UNMOVED]


@pytest.mark.parametrize(
    ("media", "link"),
    [
        ("clip.mp4", 'MEDIA_URL="file:///b/clip.mp4"'),
        ("my clip.mp4", 'MEDIA_URL="file:///b/my%20clip.mp4"'),
        ("my clip.mp4", 'MEDIA_URL="file:///b/my clip.mp4"'),
        ("\u00fc.mp4", 'MEDIA_URL="file:///b/u\u0308.mp4"'),
        ("a%20b.mp4", 'MEDIA_URL="file:///b/a%20b.mp4"'),
        ("clip.mp4", 'MEDIA_URL="file:///C:\\b\\clip.mp4"'),
        ("clip.mp4", 'MEDIA_URL="" RELATIVE_MEDIA_URL="./clip.mp4"'),
        ("clip.mp4", 'MEDIA_URL="file:///b/clip.mp4" RELATIVE_MEDIA_URL="./old.mp4"'),
        ("clip.mp4", 'MEDIA_URL="file:///b/clip.mov"'),
        ("Clip.MP4", 'MEDIA_URL="file:///b/clip.mp4"'),
        ("u\u0308.mp4", 'MEDIA_URL="file:///b/\u00dc.mov"'),
    ],
)
def test_times_are_moved_by_the_offset_of_the_recording(tmp_path: Path, media: str, link: str) -> None:
    path = eaf(tmp_path, 'MEDIA_URL="file:///b/other.mp4" TIME_ORIGIN="7"', f'{link} TIME_ORIGIN="100"')
    assert added(path, media) == moved(-100)


def test_the_relative_address_of_a_link_counts_before_the_absolute_one_of_another() -> None:
    """The absolute one may be that of a file which this one was copied from."""
    stale = "file:///x/b.mp4"
    links = [MediaLink("./a.mp4", stale, origin=100), MediaLink("./b.mp4", stale, origin=0)]
    for order in (links, links[::-1]):
        assert [origin_in(order, Path(name)) for name in ("a.mp4", "b.mp4")] == [100, 0]


def test_of_two_links_of_one_name_the_one_counts_that_leads_to_the_recording(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    for name in ("cam1", "cam2", "cam3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "C1.mp4").touch()
    places = 'RELATIVE_MEDIA_URL="./cam1/C1.mp4"', f'MEDIA_URL="{(tmp_path / "cam2" / "C1.mp4").as_uri()}"'
    for name, by, said in (("cam1", 0, False), ("cam2", -100, False), ("cam3", 0, True)):
        path = eaf(tmp_path, *(f'{one} TIME_ORIGIN="{origin}"' for one, origin in zip(places, (0, 100), strict=True)))
        add_to(path, replace(EXAMPLE, media=tmp_path / name / "C1.mp4"), Layout(sentences=True), replace=False)
        assert read(path) == moved(by)
        assert (f"/cam1/C1.mp4, not {tmp_path / name / 'C1.mp4'}" in caplog.text) == said


def test_an_offset_may_be_negative(tmp_path: Path) -> None:
    assert added(eaf(tmp_path, 'MEDIA_URL="clip.mp4" TIME_ORIGIN="-1500"'), "clip.mp4") == moved(1500)


def test_what_lies_before_the_timeline_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    path = eaf(tmp_path, 'MEDIA_URL="clip.mp4" TIME_ORIGIN="600"')
    assert added(path, "clip.mp4") == [
        (0, 300, "<A&B>"), (1400, 2400, '"REGEN"'), (0, 300, "<A&B>"), (1400, 2400, '"REGEN"'),
    ]  # fmt: skip
    assert "begins 0.600 s into clip.mp4: 2 signs" in caplog.text


def test_a_file_about_another_recording_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("sla"), "propagate", True)
    """It is taken as the one that the file links, under another name, as when `sla prep elan` reads it."""
    links = [f'MEDIA_URL="{name}" TIME_ORIGIN="{origin}"' for name, origin in (("clip.wav", 50), ("other.mp4", 100))]
    assert added(eaf(tmp_path, *links), "clip.mp4") == moved(-100)
    assert "has no link to clip.mp4: its timeline is taken to begin 0.100 s into it" in caplog.text


def test_an_offset_with_which_times_would_be_too_long_is_refused(tmp_path: Path) -> None:
    path = eaf(tmp_path, 'MEDIA_URL="clip.mp4" TIME_ORIGIN="-999999999999"')
    before = path.read_bytes()
    with pytest.raises(FormatError, match=r"line \d+: TIME_ORIGIN is -999999999999 ms"):
        check_can_add(path, Layout("NEW"), replace=False)
    assert path.read_bytes() == before


def test_an_offset_that_is_no_number_is_named(tmp_path: Path) -> None:
    path = eaf(tmp_path, 'MEDIA_URL="other.mp4"', 'MEDIA_URL="clip.mp4" TIME_ORIGIN="1 s"')
    with pytest.raises(FormatError, match="line 4: TIME_ORIGIN '1 s' is not a time in milliseconds"):
        added(path, "clip.mp4")
