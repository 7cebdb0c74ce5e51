"""Uses and reads the transcript page in a browser, for its tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Write = Callable[..., Path]


def time(page: Any) -> float:
    """What the clock shows, seconds."""
    minutes, seconds = page.locator("#time").inner_text().split(":")
    return 60 * int(minutes) + float(seconds)


def settle(page: Any) -> None:
    """Wait until what was done last is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def press(page: Any, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
        settle(page)


def place(page: Any, selector: str) -> dict[str, float]:
    """Where an element lies once it is on the screen."""
    page.locator(selector).evaluate(
        "(part) => part.scrollIntoView({ block: 'center', inline: 'nearest', behavior: 'instant' })"
    )
    box: dict[str, float] = page.locator(selector).bounding_box()
    return box


def click_at(page: Any, selector: str, share: float) -> None:
    """Click into an element, so far from its left edge to its right."""
    box = place(page, selector)
    page.mouse.click(box["x"] + share * box["width"], box["y"] + 5)
    settle(page)


def now(page: Any) -> tuple[str, str, str]:
    """The sign before, the one of the moment, the next."""
    before, gloss, after = (page.locator(name).inner_text() for name in ("#before", "#gloss", "#after"))
    return before, gloss, after
