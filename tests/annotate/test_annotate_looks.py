"""How the page of `sla annotate` looks, and whether keys and screen readers reach all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from browsing import contrast
from serving import Served, served
from typist import at_work, recording, suggested, write_work

from sla_cli.errors import WEB

for module in WEB:
    pytest.importorskip(module, reason="needs the extra web")

CONTRASTS = [("--text", "--card"), ("--quiet", "--card"), ("--open", "--card"), ("--open", "--open-soft")]
CONTRASTS += [("--text", "--open-soft"), ("--text", "--gloss-soft"), ("--bad", "--card"), ("--good", "--card")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A recording with 60 suggestions."""
    folder = tmp_path_factory.mktemp("looks")
    recording(folder)
    write_work(folder / "video.eaf", suggested())
    with served(folder, "--tier", "GLOSS", "--translation", "Translation") as found:
        yield found


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_can_be_read(browser: Any, server: Served, width: int, scheme: str) -> None:
    with at_work(browser, server.address, width, scheme) as typist:
        page = typist.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert {pair: ratio for pair in CONTRASTS if (ratio := contrast(page, *pair)) < 4.5} == {}
        assert page.locator("#buttons").is_visible() == page.locator("#text").is_visible() == (width > 768)
        for control in page.locator("button:visible, select:visible, input:visible").all():
            box = control.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width


@pytest.mark.parametrize("width", [800, 1440])
def test_a_long_text_does_not_widen_the_page(browser: Any, server: Served, width: int) -> None:
    with at_work(browser, server.address, width) as typist:
        typist.press("n", "c")
        typist.page.keyboard.insert_text("long-" * 60)
        typist.press("Enter")
        typist.wait()
        typist.press("u")
        typist.wait()
        assert "long-long-" in typist.said()
        assert typist.page.evaluate("document.documentElement.scrollWidth") <= width


def test_keys_alone_reach_every_control_and_each_key_is_listed(browser: Any, server: Served) -> None:
    with at_work(browser, server.address) as typist:
        page = typist.page
        controls = page.locator("button:visible:enabled, select:visible, input:visible:enabled, #rows, #scroller")
        names = controls.evaluate_all(
            "(all) => { all.forEach((one, place) => { one.dataset.tabbed = place; }); return all.length; }"
        )
        reached = set()
        for _ in range(names + 5):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("document.activeElement.dataset.tabbed"))
        assert reached >= {str(place) for place in range(names)}
        page.evaluate("document.activeElement.blur()")
        typist.press("?")
        assert page.locator("#keys").is_visible()
        listed = page.locator("#key-list dd").all_inner_texts()
        buttons = page.locator("#buttons button")
        assert listed == buttons.evaluate_all("(all) => all.map((one) => one.firstChild.textContent)")
        typist.press("Escape")
        page.locator("#letters").uncheck()
        page.evaluate("document.activeElement.blur()")
        typist.press("n", "a")
        assert typist.selected == ("", "", "")


def test_a_keyboard_of_another_script_has_the_same_keys(browser: Any, server: Served) -> None:
    with at_work(browser, server.address) as typist:
        for code, key in (("KeyN", "ى"), ("KeyA", "ش")):
            event = {"code": code, "key": key, "bubbles": True}
            typist.page.evaluate("(one) => document.body.dispatchEvent(new KeyboardEvent('keydown', one))", event)
        typist.wait()
        assert typist.said().startswith("accepted")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing_serious(
    browser: Any, server: Served, axe: str, width: int, scheme: str
) -> None:
    with at_work(browser, server.address, width, scheme) as typist:
        typist.press("n", "a", "n", "r", "n")
        typist.page.evaluate(axe)
        for state in ((), ("c", "R"), ("Escape", "?")):
            typist.press(*state)
            found = typist.page.evaluate("() => axe.run()")
            serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
            assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in serious] == []
