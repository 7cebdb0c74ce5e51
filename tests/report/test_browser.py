"""The page in a real browser: what it shows, that it fits, and that its script does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browsing import contrast, opened
from report_work import CLIPS, HOSTILE

from sla_cli.core.clip_score import score_clip
from sla_cli.core.result import Score
from sla_cli.report.page import write_page
from sla_cli.report.system import System

CONTRASTS = [
    ("--text", "--page"),
    ("--quiet", "--page"),
    ("--quiet", "--card"),
    ("--accent", "--page"),
    *((f"--{op}", f"--{op}-tint") for op in "CSDI"),
    *((f"--{op}", "--card") for op in "CSDI"),
]


def visible(page: Any) -> list[str]:
    """Ids in the order of the table."""
    ids: list[str] = page.locator("#clips tbody tr:visible").evaluate_all("rows => rows.map((row) => row.dataset.id)")
    return ids


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_screen_and_can_be_read(browser: Any, report: Path, width: int, scheme: str) -> None:
    with opened(browser, report, width, scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        low = {pair: ratio for pair in CONTRASTS if (ratio := contrast(page, *pair)) < 4.5}
        assert low == {}
        assert page.locator("h1").inner_text() == "A <em>title</em>"
        assert page.locator(".system").count() == 2
        assert page.locator("#clips tbody tr").count() == len(CLIPS)


def test_dark_is_dark_and_the_switch_switches(browser: Any, report: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, report) as page:
        light = page.evaluate(ground)
        page.locator("#theme").click()
        switched = page.evaluate(ground)
        page.locator("#theme").press("Enter")
        assert page.evaluate(ground) == light
    with opened(browser, report, scheme="dark") as page:
        assert page.evaluate(ground) == switched != light


def test_search_finds_glosses_clips_and_signers(browser: Any, report: Path) -> None:
    with opened(browser, report) as page:
        search, count = page.get_by_role("searchbox"), page.locator("#count")
        for text, found in (
            ("شمس", ["clip-2"]),
            ("天", ["clip-2"]),
            ("regen clip<i>", ["clip<i>0</i>"]),
            ("signer</s>1", ["clip-1", "clip-3"]),
            (HOSTILE, [f'clip"{HOSTILE}']),
            ("nowhere", []),
        ):
            search.fill(text)
            assert visible(page) == found
            assert count.inner_text() == f"{len(found)} of 5 clips"


def test_filters_by_kind_of_error(browser: Any, report: Path) -> None:
    with opened(browser, report) as page:
        for kind, found in (
            ("insertions", ["clip-3", f'clip"{HOSTILE}']),
            ("correct", ["clip-2"]),
            ("systems differ", ["clip<i>0</i>", "clip-3", f'clip"{HOSTILE}']),
            ("all", list(CLIPS)),
        ):
            page.locator("#kinds").get_by_text(kind, exact=True).click()
            assert visible(page) == found


def test_sorts_by_each_column_from_the_keyboard(browser: Any, report: Path) -> None:
    with opened(browser, report) as page:
        for column, first, direction in (("errors", "clip-1", "descending"), ("clip", "clip-1", "ascending")):
            header = page.get_by_role("columnheader", name=column, exact=True)
            header.get_by_role("button").press("Enter")
            assert visible(page)[0] == first
            assert page.locator("[aria-sort]:not([aria-sort=none])").count() == 1
            assert header.get_attribute("aria-sort") == direction
            header.get_by_role("button").press("Enter")
            assert visible(page)[-1] == first


def test_a_gloss_of_the_tables_leads_to_its_clips(browser: Any, report: Path) -> None:
    with opened(browser, report) as page:
        page.locator('[data-find="REGEN"]').first.click()
        assert page.get_by_role("searchbox").input_value() == "REGEN"
        assert set(visible(page)) == {"clip<i>0</i>", "clip-1", "clip-3"}


def test_alignments_of_arabic_run_from_right_to_left(browser: Any, tmp_path: Path) -> None:
    clip = score_clip("a", ("شمس", "قمر", "REGEN"), ("شمس", "قمر"))
    write_page(tmp_path / "r.html", [System("s", Score("none", 1, "sig", (clip,)))])
    with opened(browser, tmp_path / "r.html", 390) as page:
        lefts = [page.locator(".alignment > span").nth(number).bounding_box()["x"] for number in range(3)]
        assert lefts[0] > lefts[1] > lefts[2]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_many_clips_stay_small_and_quick_to_search(browser: Any, tmp_path: Path) -> None:
    """629 clips of three systems without pictures; those add less than 50 kB each (test_page.py)."""
    words = [f"GLOSS{number}" for number in range(40)]
    systems = []
    for offset in range(3):
        clips = [
            score_clip(
                f"01April_2010_Thursday_heute_default-{number}",
                [words[(number + place) % 40] for place in range(12)],
                [words[(number + place + (place == offset)) % 40] for place in range(11)],
            )
            for number in range(629)
        ]
        systems.append(System(f"system {offset}", Score("none", 1, "sig", tuple(clips))))
    out = tmp_path / "many.html"
    write_page(out, systems)
    assert out.stat().st_size < 4_000_000
    with opened(browser, out) as page:
        search = """() => {
          const search = document.getElementById("search"), begun = performance.now();
          search.value = "gloss39";
          search.dispatchEvent(new Event("input"));
          return performance.now() - begun;
        }"""
        assert min(page.evaluate(search) for _ in range(3)) < 1000  # about 5 on an idle machine
        assert 0 < len(visible(page)) < 629


def test_without_script_all_is_there_and_nothing_pretends_to_work(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator("#clips tbody tr").count() == len(CLIPS)
    assert page.locator("#tools").is_hidden()
    assert page.locator("button:enabled:visible").count() == 0
    context.close()
