"""The page is read as a browser reads it: parsed, never matched as a string of markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from transcripts import FILES, HOSTILE, SIGNS, hour, transcript, write_transcript_page

from sla_cli.core.annotation import Sign
from sla_cli.report.page import REPORT
from sla_cli.transcribe.transcript_page import MOST_STEPS, clock, heat_maps, media_url


@dataclass
class Page(HTMLParser):
    """Visible text, scripts, and the attributes of each element in order."""

    text: str = ""
    scripts: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts[-1] += data
        elif self.inside != "style":
            self.text += data

    def tags(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag == name]

    def of_class(self, name: str) -> list[dict[str, str]]:
        return [attributes for _, attributes in self.elements if name in attributes.get("class", "").split()]


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.text = " ".join(page.text.split())
    return page


@pytest.fixture
def page(tmp_path: Path) -> Page:
    write_transcript_page(tmp_path / "p.html", transcript(media=tmp_path / "video.mp4"), FILES)
    return parse(tmp_path / "p.html")


def test_it_shows_every_sign_with_its_time_and_confidence(page: Page) -> None:
    buttons = page.of_class("sign")
    shown = [(float(one["data-start"]), float(one["data-end"]), int(one["data-sure"])) for one in buttons]
    assert shown == [(sign.start, sign.end, round(100 * sign.confidence)) for sign in SIGNS]
    assert buttons[1]["title"] == "0:01.0 to 0:01.3, 64 % sure"
    assert "0:05.0 · 2 sentences · 5 signs · 4 glosses" in page.text
    assert "0:00.4 REGEN NORD MORGEN" in page.text and "0:03.2 SONNE REGEN" in page.text
    assert "run runs/phoenix2014 weights ViT-B/16" in page.text


def test_it_links_the_video_and_says_that_it_shows_people(page: Page) -> None:
    (video,) = page.tags("video")
    assert video["src"] == "video.mp4"
    assert "identifiable people" in page.text and "sla transcribe --no-video" in page.text


@pytest.mark.parametrize("left_out", [True, False])
def test_without_a_video_it_says_so(tmp_path: Path, left_out: bool) -> None:
    write_transcript_page(tmp_path / "p.html", transcript(), FILES, left_out=left_out)
    page = parse(tmp_path / "p.html")
    assert page.tags("video") == []
    assert "runs on its own clock" in page.text
    assert "identifiable" not in page.text
    assert "video.mp4" not in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert "media-src" not in page.tags("meta")[2]["content"]


@pytest.mark.parametrize(
    ("media", "url"),
    [
        ("a b/100%#?.mp4", "a%20b/100%25%23%3F.mp4"),
        ("a:b.mp4", "a%3Ab.mp4"),
        ("شمس.mp4", "%D8%B4%D9%85%D8%B3.mp4"),
        ("a/../b.mp4", "b.mp4"),
    ],
)
def test_media_beside_or_below_the_page_are_relative(tmp_path: Path, media: str, url: str) -> None:
    assert media_url(tmp_path / media, tmp_path / "p.html") == url


def test_media_elsewhere_are_file_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert media_url(tmp_path / "v 1.mp4", tmp_path / "out" / "p.html") == f"{tmp_path.as_uri()}/v%201.mp4"
    monkeypatch.chdir(tmp_path)
    assert media_url(Path("v.mp4"), tmp_path / "p.html") == "v.mp4"
    assert media_url(tmp_path / "v.mp4", Path("p.html")) == "v.mp4"


def test_a_media_file_that_is_a_link_is_linked_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(tmp_path.parent / "elsewhere.mp4")
    assert media_url(tmp_path / "link.mp4", tmp_path / "p.html") == "link.mp4"


def test_names_and_glosses_are_text_and_never_markup(tmp_path: Path) -> None:
    made = {HOSTILE: HOSTILE}
    hostile = replace(
        transcript([Sign(HOSTILE, 1, 2, 0.5)], name=HOSTILE, media=tmp_path / f"{HOSTILE[2:7]}.mp4"), made=made
    )
    write_transcript_page(tmp_path / "p.html", hostile, {HOSTILE: HOSTILE})
    page = parse(tmp_path / "p.html")
    assert len(page.tags("script")) == 2
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.tags("img"))
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count(HOSTILE) == 8  # title, heading, download, row, bar, transcript, and twice how it was made
    assert json.loads(page.scripts[0]) == [HOSTILE]


def test_the_policy_admits_one_script_and_nothing_from_elsewhere(page: Page) -> None:
    policy = next(meta["content"] for meta in page.tags("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert dict(part.split(maxsplit=1) for part in policy.split("; ")) == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digest}'",
        "media-src": "'self' file:",
    }
    assert not {"link", "iframe", "object", "base", "form"} & {tag for tag, _ in page.elements}


def test_it_holds_the_files_as_they_are(page: Page) -> None:
    assert [link["download"] for link in page.tags("a")] == list(FILES)
    assert json.loads(page.scripts[0]) == list(FILES.values())
    assert "download EAF download VTT" in page.text


def test_a_report_does_not_replace_it(tmp_path: Path) -> None:
    write_transcript_page(tmp_path / "p.html", transcript(), FILES)
    assert not REPORT.fits(tmp_path / "p.html")


def test_glosses_of_arabic_run_from_right_to_left(tmp_path: Path) -> None:
    write_transcript_page(tmp_path / "p.html", transcript([Sign("شمس", 1, 2, 0.5)]), {})
    page = parse(tmp_path / "p.html")
    assert {one["dir"] for tag, one in page.elements if tag == "p" and "dir" in one} == {"rtl"}


@pytest.mark.parametrize("duration", [0.0, 5.0])
def test_nothing_signed_is_a_page_too(tmp_path: Path, duration: float) -> None:
    write_transcript_page(tmp_path / "p.html", transcript([], duration=duration), {})
    assert "0 sentences · 0 signs · 0 glosses" in parse(tmp_path / "p.html").text
    assert "No sign was recognised." in parse(tmp_path / "p.html").text


def decode(uri: str) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(base64.b64decode(uri.split(",", 1)[1]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert image is not None
    return image


def test_the_heat_map_has_a_row_for_each_gloss_that_occurs_and_peaks_there() -> None:
    (heat,) = heat_maps(transcript())
    assert heat.rows == ("REGEN", "NORD", "MORGEN", "SONNE", None)
    image = decode(heat.picture)[:, :, 3]
    assert image.shape == (5, 31)
    for row, gloss in enumerate(heat.rows[:-1]):
        begins = (np.flatnonzero(image[row] > 128) + 0.5) * heat.end / 31
        assert all(any(sign.gloss == gloss and sign.start - 0.2 < time < sign.end for sign in SIGNS) for time in begins)
        assert len(begins)


def test_an_hour_is_cut_into_heat_maps_that_hold_the_glosses_of_their_time() -> None:
    recording = hour()
    maps = list(heat_maps(recording))
    assert [heat.start for heat in maps[1:]] == [heat.end for heat in maps[:-1]]
    assert maps[0].start == 0 and maps[-1].end == 3600
    assert sum(decode(heat.picture).shape[1] for heat in maps) == 22500
    assert max(decode(heat.picture).shape[1] for heat in maps) <= MOST_STEPS
    shown = [
        sign.gloss in heat.rows for heat in maps for sign in recording.signs if heat.start <= sign.start < heat.end
    ]
    assert len(shown) == 1500 and np.mean(shown) > 0.8


def test_steps_of_different_lengths_are_drawn_at_their_times() -> None:
    recording = transcript([Sign("A", 4, 5, 1.0)], duration=5.0)
    probs = np.log(np.array([[0.99, 0.01]] * 4 + [[0.01, 0.99]], np.float32))
    (heat,) = heat_maps(replace(recording, log_probs=probs, step_times=np.array([0.0, 0.1, 0.2, 0.3, 1.0, 5.0])))
    image = decode(heat.picture)[0, :, 3]
    assert list(image > 128) == [False, True, True, True, True]


def test_signs_after_the_stated_duration_are_within_the_page(tmp_path: Path) -> None:
    for signs, reference in (([Sign("A", 6.0, 8.0, 1.0)], []), ([Sign("A", 1, 2, 1.0)], [Sign("A", 6.0, 8.0, 1.0)])):
        write_transcript_page(tmp_path / "p.html", transcript(signs, duration=5.0), {}, reference=reference)
        assert parse(tmp_path / "p.html").tags("main")[0]["data-duration"] == "8.0"


def test_no_probabilities_no_heat_map(tmp_path: Path) -> None:
    write_transcript_page(tmp_path / "p.html", transcript(heat=False), {})
    assert parse(tmp_path / "p.html").tags("img") == []


def test_an_hour_stays_small(tmp_path: Path) -> None:
    write_transcript_page(tmp_path / "p.html", hour(), {})
    assert (tmp_path / "p.html").stat().st_size < 4_000_000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (7.44, "0:07.4"), (59.96, "1:00.0"), (3599.99, "1:00:00.0"), (3723.4, "1:02:03.4")],
)
def test_times_are_written_in_minutes(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_bars_lie_in_time(page: Page) -> None:
    bars = [one["style"] for tag, one in page.elements if tag == "i" and "--room" in one.get("style", "")]
    places = [tuple(map(float, re.findall(r"(?:left|width):([\d.]+)%", style))) for style in bars]
    np.testing.assert_allclose(places, [(20 * sign.start, 20 * (sign.end - sign.start)) for sign in SIGNS], rtol=1e-4)


def test_the_reference_is_below_the_signs_and_what_is_missed_is_marked(tmp_path: Path) -> None:
    true = [Sign(sign.gloss, sign.start, sign.end, 1.0) for sign in SIGNS]
    last = max(sign.end for sign in true)
    write_transcript_page(
        tmp_path / "page.html", transcript(), FILES, reference=[*true, Sign("MISSED", last, last + 0.5, 1.0)]
    )
    page = parse(tmp_path / "page.html")
    [missed] = page.of_class("missed")
    assert missed["title"].startswith("MISSED") and missed["title"].endswith("not recognised")
    assert page.of_class("compared")
    write_transcript_page(tmp_path / "without.html", transcript(), FILES)
    assert not parse(tmp_path / "without.html").of_class("compared")
