"""The page in a real browser: it plays a real video, follows the time, seeks, searches, and hands out its files."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import contrast, opened
from player import Write, click_at, now, place, press, settle, time
from transcripts import FILES, HOSTILE, SIGNS, STEP, transcript

from sla_cli.core.annotation import Sign

CONTRASTS = [("--text", "--page"), ("--text", "--card"), ("--quiet", "--page"), ("--quiet", "--card")]
CONTRASTS += [("--accent", "--card"), ("--accent", "--tint"), ("--quiet", "--tint"), ("--text", "--hit")]
PLAYED = "() => !document.getElementById('video').paused && document.getElementById('video').currentTime > 0.5"

SAME_TIME = """() => {
  const [minutes, seconds] = document.getElementById("time").innerText.split(":").map(Number);
  return Math.abs(60 * minutes + seconds - document.getElementById("video").currentTime) < 0.011;
}"""


@pytest.fixture
def video(shared: Path, tmp_path: Path) -> Path:
    """Real signing, 5 s, under a name that a URL has to encode."""
    path = tmp_path / "a #1 video.mp4"
    shutil.copyfile(shared / "data" / "videos" / "bsl-sentence.mp4", path)
    return path


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_can_be_read(browser: Any, write: Write, video: Path, width: int, scheme: str) -> None:
    with opened(browser, write(transcript(media=video)), width, scheme, also=[video.as_uri()]) as page:
        page.wait_for_function("() => document.getElementById('video').videoWidth === 640")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        low = {pair: ratio for pair in CONTRASTS if (ratio := contrast(page, *pair)) < 4.5}
        assert low == {}
        for control in page.locator("button:visible, select:visible, a:visible").all():
            box = control.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_it_plays_and_follows_the_video(browser: Any, write: Write, video: Path) -> None:
    with opened(browser, write(transcript(media=video)), also=[video.as_uri()]) as page:
        assert not page.locator("#video").evaluate("(video) => video.controls")
        page.locator("#rate").select_option("0.25")  # a busy machine needs time to see each sign
        page.evaluate("document.activeElement.blur()")
        press(page, "Space")
        page.wait_for_function(PLAYED)
        page.wait_for_function("() => document.getElementById('gloss').textContent === 'NORD'")
        page.wait_for_function("() => document.querySelector('.sign.current')?.textContent === 'MORGEN'")
        assert page.locator("#sentences li.current").count() == 1
        press(page, "Space")
        page.wait_for_function("() => document.getElementById('video').paused")
        page.wait_for_function(SAME_TIME)
        page.locator("#rate").select_option("2")
        page.locator("#play").click()
        page.wait_for_function("() => document.getElementById('video').ended")
        settle(page)
        assert time(page) == pytest.approx(5.0, abs=0.011)
        assert page.locator("#play").get_attribute("aria-label") == "play"


def test_clicks_seek(browser: Any, write: Write, video: Path) -> None:
    with opened(browser, write(transcript(media=video)), also=[video.as_uri()]) as page:
        for selector in ("#seek", "#track"):
            click_at(page, selector, 0.1)
            assert now(page) == ("", "REGEN", "NORD")
            click_at(page, selector, 0.35)
            assert now(page) == ("NORD", "MORGEN", "SONNE")
        page.locator(".sign").nth(3).click()
        settle(page)
        assert time(page) == pytest.approx(3.2)
        assert now(page) == ("MORGEN", "SONNE", "REGEN")
        page.locator(".time").first.click()
        settle(page)
        assert time(page) == pytest.approx(0.4)
        assert page.locator("#video").evaluate("(video) => video.currentTime") == pytest.approx(0.4)


def test_dragging_seeks(browser: Any, write: Write) -> None:
    with opened(browser, write()) as page:
        box = place(page, "#track")
        page.mouse.move(box["x"] + 10, box["y"] + 30)
        page.mouse.down()
        for share, gloss in ((0.1, "REGEN"), (0.22, "NORD"), (0.7, "SONNE")):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + 30)
            settle(page)
            assert now(page)[1] == gloss
        page.mouse.up()


def test_keys_go_from_sign_to_sign(browser: Any, write: Write) -> None:
    with opened(browser, write()) as page:
        for sign in SIGNS:
            press(page, "ArrowRight")
            assert time(page) == pytest.approx(sign.start)
            assert now(page)[1] == sign.gloss
        for sign in SIGNS[-2::-1]:
            press(page, "ArrowLeft")
            assert time(page) == pytest.approx(sign.start)
        press(page, "Shift+ArrowRight")
        assert time(page) == pytest.approx(3.2)
        press(page, ".", ".", ",")
        assert time(page) == pytest.approx(3.2 + STEP, abs=0.02)
        press(page, "End")
        assert time(page) == 5.0
        press(page, "Home")
        assert time(page) == 0.0


def test_between_signs_the_last_is_dimmed_and_between_sentences_there_is_none(browser: Any, write: Write) -> None:
    with opened(browser, write()) as page:
        click_at(page, "#seek", 0.88 / 5)
        assert now(page) == ("", "REGEN", "NORD")
        assert page.locator("#now.between").count() == 1
        assert page.locator(".sign.current").count() == 0
        click_at(page, "#seek", 2.5 / 5)
        assert now(page) == ("MORGEN", "", "SONNE")
        click_at(page, "#seek", 1.1 / 5)
        assert page.locator("#now.between").count() == 0
        so_far = page.locator("#sofar bdi").evaluate_all(
            "(words) => words.map((word) => [word.textContent, word.className])"
        )
        assert so_far == [["REGEN", ""], ["NORD", "current"], ["MORGEN", "to-come"]]


def test_search_finds_glosses_and_rows_of_them(browser: Any, write: Write) -> None:
    with opened(browser, write()) as page:
        press(page, "/")
        search, count = page.get_by_role("searchbox"), page.locator("#count")
        page.keyboard.type("regen")
        assert count.inner_text() == "2 found"
        press(page, "Enter")
        assert (count.inner_text(), time(page)) == ("1 of 2", 0.4)
        press(page, "Enter")
        assert (count.inner_text(), time(page)) == ("2 of 2", 3.84)
        press(page, "Shift+Enter", "ArrowLeft", "Home")
        assert (count.inner_text(), time(page)) == ("1 of 2", 0.4)  # keys belong to the text
        press(page, "Space")
        assert page.locator("#play").get_attribute("aria-label") == "play"
        search.fill("nord mor")
        assert count.inner_text() == "1 found"
        assert page.locator(".sign.hit").all_inner_texts() == ["NORD", "MORGEN"]
        assert page.locator("#sentences li:visible").count() == 1
        search.fill("morgen sonne")  # of two sentences
        assert count.inner_text() == "nothing found"
        press(page, "Escape")
        assert count.inner_text() == "" and page.locator("#sentences li:visible").count() == 2
        press(page, "ArrowRight")
        assert time(page) == 0.96


def test_downloads_are_the_files(browser: Any, write: Write) -> None:
    with opened(browser, write()) as page:
        for name, text in FILES.items():
            with page.expect_download() as download:
                page.get_by_title(name).click()
            assert download.value.suggested_filename == name
            assert Path(download.value.path()).read_text(encoding="utf-8") == text


def test_without_a_video_the_page_runs_on_its_own_clock(browser: Any, write: Write) -> None:
    with opened(browser, write()) as page:
        page.locator("#rate").select_option("0.5")
        press(page, "Space")
        page.wait_for_function("() => document.getElementById('gloss').textContent === 'MORGEN'")
        press(page, "Space")
        stopped = time(page)
        settle(page)
        assert time(page) == stopped
        press(page, "End", "Space")
        page.wait_for_function("() => document.getElementById('gloss').textContent === 'REGEN'")  # from the start


@pytest.mark.parametrize("content", [None, b"RIFF no video"])
def test_a_video_that_does_not_play_is_named(browser: Any, write: Write, tmp_path: Path, content: bytes | None) -> None:
    media = tmp_path / "lost.avi"
    if content is not None:
        media.write_bytes(content)
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(write(transcript(media=media)).as_uri())
    page.get_by_text("This browser cannot play lost.avi").wait_for()
    assert page.locator("#video").is_hidden()
    press(page, "ArrowRight")
    assert now(page) == ("", "REGEN", "NORD")
    page.locator("#rate").select_option("0.25")
    press(page, "Space")
    page.wait_for_function("() => document.getElementById('gloss').textContent === 'NORD'")
    page.close()
    assert errors == []


def test_vp9_plays_too(browser: Any, write: Write, video: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    webm = video.with_suffix(".webm")
    command = ["ffmpeg", "-v", "error", "-i", str(video), "-c:v", "libvpx-vp9", "-cpu-used", "8", "-t", "2", str(webm)]
    subprocess.run(command, check=True)
    with opened(browser, write(transcript(media=webm)), also=[webm.as_uri()]) as page:
        press(page, "Space")
        page.wait_for_function(PLAYED)


def test_what_names_and_glosses_hold_does_nothing(browser: Any, write: Write) -> None:
    recording = replace(transcript([Sign(HOSTILE, 1, 2, 0.5)]), name=HOSTILE, made={HOSTILE: HOSTILE})
    with opened(browser, write(recording)) as page:
        press(page, "ArrowRight")
        assert now(page)[1] == HOSTILE
        assert page.locator("h1").inner_text() == HOSTILE
        assert page.locator("img[src=x]").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440


def test_arabic_runs_from_right_to_left(browser: Any, write: Write) -> None:
    signs = [Sign(gloss, 1 + place, 1.5 + place, 0.9) for place, gloss in enumerate(("شمس", "مطر", "ليل"))]
    with opened(browser, write(transcript(signs)), 390) as page:
        click_at(page, "#seek", 2.2 / 5)
        assert now(page) == ("شمس", "مطر", "ليل")
        for names in (("#before", "#after"), (".sign >> nth=0", ".sign >> nth=2")):
            first, last = (page.locator(name).bounding_box()["x"] for name in names)
            assert first > last
        bars = [page.locator("#bars i").nth(place).bounding_box()["x"] for place in range(3)]
        assert bars == sorted(bars)  # time runs from left to right


def test_dark_is_dark_and_the_switch_switches(browser: Any, write: Write) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    out = write()
    with opened(browser, out) as page:
        light = page.evaluate(ground)
        page.locator("#theme").click()
        switched = page.evaluate(ground)
    with opened(browser, out, scheme="dark") as page:
        assert page.evaluate(ground) == switched != light


def test_without_script_the_transcript_can_be_read_and_the_video_played(
    browser: Any, write: Write, video: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(write(transcript(media=video)).as_uri())
    assert page.locator(".sign:visible").all_inner_texts() == [sign.gloss for sign in SIGNS]
    assert page.locator("#video").get_attribute("controls") is not None
    assert page.locator("#live").is_hidden() and page.locator("#downloads").is_hidden()
    context.close()


def test_print_is_the_transcript(browser: Any, write: Write, video: Path) -> None:
    with opened(browser, write(transcript(media=video)), also=[video.as_uri()]) as page:
        page.emulate_media(media="print")
        assert page.locator("#video").is_hidden() and page.locator("#timeline").is_hidden()
        assert page.locator(".sign:visible").count() == len(SIGNS)


@pytest.mark.parametrize("duration", [0.0, 5.0])
def test_nothing_signed_is_a_page_too(browser: Any, write: Write, duration: float) -> None:
    with opened(browser, write(transcript([], duration=duration))) as page:
        press(page, "ArrowRight", "Space", "ArrowLeft", "+", "-")
        assert now(page) == ("", "", "")
