"""An hour of signing in a real browser: what is not on the screen costs nothing."""

from __future__ import annotations

from typing import Any

import pytest
from browsing import opened
from player import Write, click_at, now, press, settle, time
from transcripts import hour

THIRTY_FRAMES = """() => new Promise((done) => {
  const begun = performance.now();
  let frames = 0;
  const next = () => (++frames < 30 ? requestAnimationFrame(next) : done(performance.now() - begun));
  requestAnimationFrame(next);
})"""
PLAYING = "() => document.getElementById('play').ariaPressed === 'true'"


def test_an_hour_is_usable(browser: Any, write: Write) -> None:
    recording = hour()
    with opened(browser, write(recording)) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440
        click_at(page, "#seek", 0.5)
        assert time(page) == pytest.approx(1800, abs=10)
        view, head = (page.locator(name).bounding_box() for name in ("#scroller", "#playhead"))
        assert abs(head["x"] - view["x"] - view["width"] / 2) < 20
        press(page, "ArrowRight")
        gloss = next(sign.gloss for sign in recording.signs if sign.start > time(page) - 0.02)
        assert now(page)[1] == gloss
        current, box = (page.locator(name).bounding_box() for name in (".sign.current", "#sentences"))
        assert box["y"] <= current["y"] <= box["y"] + box["height"]
        assert page.locator(".rows:visible").count() == 1
        assert gloss in page.locator(".rows:visible div").all_inner_texts()
        idle = min(page.evaluate(THIRTY_FRAMES) for _ in range(3))
        press(page, "Space")
        page.wait_for_function(PLAYING)
        assert min(page.evaluate(THIRTY_FRAMES) for _ in range(3)) < 10 * idle  # 500 milliseconds on an idle machine
        page.locator("#fit").click()
        settle(page)
        assert page.locator("#track").bounding_box()["width"] <= page.locator("#scroller").bounding_box()["width"] + 1


def test_the_timeline_leaves_the_moment_only_by_hand(browser: Any, write: Write) -> None:
    with opened(browser, write(hour())) as page:
        press(page, "Space")
        page.wait_for_function(PLAYING)
        page.locator("#scroller").hover()
        page.mouse.wheel(5000, 0)
        page.wait_for_function("() => document.getElementById('scroller').scrollLeft > 3000")
        settle(page)
        assert page.evaluate("document.getElementById('scroller').scrollLeft") > 3000
        page.locator("#follow").click()
        page.wait_for_function("() => document.getElementById('scroller').scrollLeft < 1000")
        assert page.locator("#follow").is_hidden()


def test_zooming_keeps_the_moment_in_place(browser: Any, write: Write) -> None:
    with opened(browser, write(hour())) as page:
        click_at(page, "#seek", 0.5)
        before, width = (page.locator("#playhead").bounding_box()["x"], page.locator("#track").bounding_box()["width"])
        press(page, "+", "+")
        assert page.locator("#playhead").bounding_box()["x"] == pytest.approx(before, abs=2)
        assert page.locator("#track").bounding_box()["width"] == pytest.approx(2.25 * width, rel=0.01)
