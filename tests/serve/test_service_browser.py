"""The page of `sla serve` in a browser: a video, the camera, keys alone, how it looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import PATIENCE, contrast
from movies import ffmpeg, movie
from recordings import images_of
from running_service import Running, service, until

CONTRASTS = [("--text", "--card"), ("--quiet", "--card"), ("--quiet", "--page"), ("--bad", "--card")]
CONTRASTS += [("--on-accent", "--accent"), ("--text", "--soft")]
LOSSLESS = ("-c:v", "libx264", "-crf", "0", "-pix_fmt", "yuv444p")


@pytest.fixture(scope="module")
def filmed(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser whose camera shows a sentence again and again."""
    folder = tmp_path_factory.mktemp("camera")
    movie(folder / "small.mkv", images_of("NORD REGEN SONNE GRAD"), "-c:v", "ffv1")
    ffmpeg("-i", str(folder / "small.mkv"), "-vf", "scale=320:240:flags=neighbor", "-q:v", "2", str(folder / "x.mjpeg"))
    arguments = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    arguments.append(f"--use-file-for-fake-video-capture={folder / 'x.mjpeg'}")
    chromium = browser.browser_type.launch(executable_path="/usr/bin/chromium", args=arguments)
    yield chromium
    chromium.close()


@contextmanager
def page_of(
    browser: Any, server: Running, width: int = 1280, scheme: str = "light", expected: str = ""
) -> Iterator[Any]:
    """The page, which logs no error but an expected one, and asks no other server."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, permissions=["camera"])
    context.set_default_timeout(PATIENCE)
    page, faults, address = context.new_page(), [], f"http://127.0.0.1:{server.port}/"
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith((address, "blob:")) else faults.append(one.url))
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    yield page
    context.close()
    assert [fault for fault in faults if not (expected and expected in fault)] == []


def clip(folder: Path) -> Path:
    return movie(folder / "anna.mp4", images_of("NORD REGEN"), *LOSSLESS)


def test_a_video_is_recognised_shown_and_saved(browser: Any, opened: Running, tmp_path: Path) -> None:
    with page_of(browser, opened) as page:
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#result:visible")
        assert page.locator("#signs bdi").all_inner_texts() == ["NORD", "REGEN"]
        assert page.locator("#state").inner_text().startswith("2 signs in 0.")
        assert page.locator("#contact").inner_text() == "Who runs this service: Ada & <b>Bo</b>"
        with page.expect_download() as saved:
            page.get_by_role("button", name="ELAN").click()
        assert saved.value.suggested_filename == "transcript.eaf"
        assert "ANNOTATION_DOCUMENT" in Path(saved.value.path()).read_text(encoding="utf-8")
        page.locator("#signs button").nth(1).click()
        page.wait_for_selector("#signs [aria-current] bdi:text('REGEN')")


def test_a_question_that_fails_is_asked_again(browser: Any, opened: Running, tmp_path: Path) -> None:
    """Without a network, or if a proxy refuses it."""
    with page_of(browser, opened, expected="Failed to load resource") as page:
        page.route("**/v1/transcripts/*", lambda route: route.abort(), times=1)
        page.route("**/v1/transcripts/*", lambda route: route.fulfill(status=429), times=1)
        page.route("**/v1/transcripts/*", lambda route: route.fulfill(status=502), times=1)
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#result:visible")
        assert not page.locator("#fault").is_visible()
        page.route("**/v1/transcripts", lambda route: route.fulfill(status=429))
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#fault:text('The service is busy. Try again later.')")


def test_a_video_that_is_cancelled_while_the_page_asks_is_deleted(
    browser: Any, opened: Running, tmp_path: Path
) -> None:
    with page_of(browser, opened) as page:
        asked = list[Any]()
        page.route("**/v1/transcripts/*", lambda route: (asked.append(route), None)[1], times=1)
        page.set_input_files("#file", clip(tmp_path))
        while not asked:
            page.wait_for_timeout(10)
        page.get_by_role("button", name="Cancel").click()
        asked[0].continue_()
        page.wait_for_selector("#state:text('cancelled')")
        until(lambda: opened.ask("GET", asked[0].request.url.partition(str(opened.port))[2]).status == 404)


def test_a_service_that_ends_is_not_called_full(filmed: Any, run: Path) -> None:
    with service(run) as own:
        own.ready()  # the page asks for the health, and logs its 503
        until(lambda: own.ask("GET", "/health").json["live"])
        with page_of(filmed, own, expected="ERR_CONNECTION") as page:
            page.get_by_role("button", name="Start the camera").click()
            page.wait_for_selector("#stop:visible")
            own.process.kill()
            for sentence in ("The connection has ended.", "The service does not answer."):
                page.wait_for_selector(f"#fault:text('{sentence}')")
                page.get_by_role("button", name="Start the camera").click()
            page.wait_for_timeout(100)


def test_what_is_no_video_is_said(browser: Any, opened: Running, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with page_of(browser, opened, expected="422") as page:  # where it has failed before the browser asks
        page.set_input_files("#file", tmp_path / "a.mp4")
        page.wait_for_selector("#fault:visible")
        assert page.locator("#fault").inner_text().startswith("The video does not open as a video")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_glosses_of_the_camera_appear(filmed: Any, opened: Running, width: int, scheme: str) -> None:
    until(lambda: opened.ask("GET", "/health").json["live"])
    with page_of(filmed, opened, width, scheme) as page:
        page.get_by_role("button", name="Start the camera").click()
        page.wait_for_selector("#segments li")
        page.wait_for_function("() => document.querySelectorAll('#segments bdi:not(.open)')[0]?.textContent")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert {pair: ratio for pair in CONTRASTS if (ratio := contrast(page, *pair)) < 4.5} == {}
        for control in page.locator("button:visible, .pill:visible").all():
            box = control.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] >= 36
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector("#live-state:text('ended')")
        words = set(page.locator("#segments").inner_text().split())
        assert words and words <= {"NORD", "REGEN", "SONNE", "GRAD"}


def test_a_second_camera_is_told_that_no_place_is_free(filmed: Any, opened: Running) -> None:
    until(lambda: opened.ask("GET", "/health").json["live"])
    with page_of(filmed, opened) as first, page_of(filmed, opened) as second:
        first.get_by_role("button", name="Start the camera").click()
        first.wait_for_selector("#stop:visible")
        second.get_by_role("button", name="Start the camera").click()
        second.wait_for_selector("#fault:visible")
        assert second.locator("#fault").inner_text() == "No place is free."
        assert second.locator("#start").is_enabled()


def test_a_token_is_asked_for_and_used(browser: Any, tight: Running, tmp_path: Path) -> None:
    with page_of(browser, tight, expected="401") as page:
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#access:visible")
        page.locator("#token").fill(tight.token)
        page.keyboard.press("Enter")
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#result:visible")
        with page.expect_download() as saved:
            page.get_by_role("button", name="WebVTT").click()
        assert saved.value.suggested_filename == "transcript.vtt"


def test_keys_alone_reach_every_control_and_each_has_a_name(browser: Any, opened: Running, tmp_path: Path) -> None:
    with page_of(browser, opened) as page:
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#result:visible")
        controls = page.locator("button:visible, input[type=file]")
        count = controls.evaluate_all(
            "(all) => { all.forEach((one, n) => { one.dataset.tabbed = n; }); return all.length; }"
        )
        reached = set()
        for _ in range(3 * count):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.dataset.tabbed"))
        assert reached >= {str(place) for place in range(count)}
        names = page.locator("button:visible").evaluate_all(
            "(all) => all.map((one) => one.ariaLabel || one.textContent)"
        )
        assert all(name.strip() for name in names)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing_serious(
    filmed: Any, opened: Running, axe: str, tmp_path: Path, scheme: str
) -> None:
    until(lambda: opened.ask("GET", "/health").json["live"])
    with page_of(filmed, opened, 390, scheme) as page:
        page.set_input_files("#file", clip(tmp_path))
        page.wait_for_selector("#result:visible")
        page.get_by_role("button", name="Start the camera").click()
        page.wait_for_selector("#segments li")
        page.evaluate("() => { document.getElementById('access').hidden = false; }")
        page.evaluate(axe)
        found = page.evaluate("() => axe.run()")
        assert [
            (one["id"], [node["html"][:120] for node in one["nodes"]])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ] == []
