"""Works on the page of `sla annotate` in a browser as a person does: by keys alone, and by what the page shows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotating import foreign_file
from browsing import PATIENCE
from movies import ffmpeg

from sla_cli.annotation.eaf_edit import add_to
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.timed import Interval
from sla_cli.core.annotation import Annotation, Sign, split_at_pauses

FRAME = 40  # milliseconds of the videos made here
WORDS = ["REGEN", "SONNE", "NORD", "SUED", "WIND", "HOUSE1A^", "$INDEX1", "مطر", "下雨"]
SELECTED = "#rows [aria-selected=true]"


def recording(folder: Path, seconds: int = 70, name: str = "video") -> Path:
    """A video with a picture that changes, at 25 frames a second."""
    path = folder / f"{name}.mp4"
    source = f"testsrc2=size=160x120:rate=25:duration={seconds}"
    ffmpeg("-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path))
    return path


def suggested(count: int = 60, seed: int = 0) -> list[Interval]:
    """Suggestions at borders of frames, from the first second on."""
    draw, at, found = random.Random(seed), 25, []
    for number in range(count):
        length = draw.randint(6, 12)
        found.append(Interval(FRAME * at, FRAME * (at + length), WORDS[number % len(WORDS)]))
        at += length + draw.randint(4, 10)
    return found


def write_work(path: Path, marks: list[Interval], seed: int = 0) -> Path:
    """A file of somebody else, to which the suggestions are added."""
    draw = random.Random(seed)
    path.write_text(foreign_file().replace("GLOSS", "Old"), encoding="utf-8")
    signs = [Sign(text, start / 1000, end / 1000, draw.random()) for start, end, text in marks]
    add_to(path, Annotation("video", None, 99.0, split_at_pauses(signs, 1.0)), Layout(confidence=True), replace=False)
    return path


@dataclass
class Typist:
    """Presses keys, and counts them."""

    page: Any
    keys: int = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
            self.keys += 1

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)
        self.keys += len(text)

    def wait(self) -> None:
        """Until everything is saved."""
        self.page.wait_for_function("() => document.getElementById('saved').textContent.startsWith('saved')")

    def in_time(self) -> None:
        """The next suggestion is the next one in time, not the least sure one."""
        self.page.locator("#order").select_option("time")
        self.page.evaluate("document.activeElement.blur()")

    @contextmanager
    def held(self, requests: str) -> Iterator[None]:
        """Requests wait until the block ends."""
        routes = list[Any]()
        self.page.route(requests, lambda route: (routes.append(route), None)[1])
        yield
        for route in routes:
            route.continue_()
        self.page.unroute(requests)

    def settle(self) -> None:
        """Until what was done last is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    @property
    def selected(self) -> tuple[str, str, str]:
        """Time, text and state of the selected row of the list; empty if there is none."""
        self.settle()
        rows = self.page.locator(SELECTED)
        return tuple(rows.first.locator("span, bdi").all_inner_texts()) if rows.count() else ("", "", "")

    @property
    def fault(self) -> str:
        shown = self.page.locator("#fault")
        return str(shown.inner_text()) if shown.is_visible() else ""

    def said(self) -> str:
        return str(self.page.locator("#said").inner_text())


@contextmanager
def at_work(
    browser: Any, address: str, width: int = 1440, scheme: str = "light", *, lost: bool = False
) -> Iterator[Typist]:
    """A page in a context of its own, which logs no error and asks no other server.

    Args:
        lost: whether the server may not answer.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    faults: list[str] = []
    page = opened_in(context, address, faults)
    yield Typist(page)
    context.close()
    assert [fault for fault in faults if not (lost and "net::ERR" in fault)] == []


def opened_in(context: Any, address: str, faults: list[str]) -> Any:
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    # An operation that is refused or meets another version is an answer with an error's status, which browsers log.
    expected = ("the server responded with a status of 409", "the server responded with a status of 422")
    page.on(
        "console",
        lambda message: None if any(one in message.text for one in expected) else faults.append(message.text),
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: None if request.url.startswith(address) else faults.append(request.url))
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    return page
