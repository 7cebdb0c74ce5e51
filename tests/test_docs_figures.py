"""Tables of measured figures in README and docs are those of docs/figures/, and prose names no other figures."""

from __future__ import annotations

import random
import re
import sys
import tomllib
from pathlib import Path

import pytest
import tomli_w

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

from figures import BLOCK, constants, measured, pages, unknown_figures, with_tables  # noqa: E402

DATA, CONSTANTS = measured(), constants()
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in pages()}
PROVENANCE = ("command", "commit", "date", "machine")


def unknown(page: str, text: str) -> list[str]:
    return unknown_figures(page, text, DATA, CONSTANTS)


@pytest.mark.parametrize("page", TEXTS)
def test_tables_are_those_of_the_data(page: str) -> None:
    assert with_tables(TEXTS[page], DATA) == TEXTS[page], "run `python docs/reference.py`"


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_prose_names_figures_as_the_data_print_them(page: str) -> None:
    assert unknown(page, TEXTS[page]) == [], "in no experiment that the page names, nor in docs/constants.toml"


@pytest.mark.parametrize("topic", DATA)
def test_figures_say_where_they_come_from_and_are_shown(topic: str) -> None:
    facts = DATA[topic]
    assert all(facts[name] for name in PROVENANCE)
    shown = {mark.groups() for text in TEXTS.values() for mark in BLOCK.finditer(text)}
    assert {(topic, name) for name in facts if name not in (*PROVENANCE, "figures")} <= shown
    page = ROOT / "docs" / "experiments" / f"{topic}.md"
    assert page.exists() or topic in {name for name, _ in shown}


def test_every_constant_is_needed() -> None:
    for page, texts in CONSTANTS.items():
        within = " ".join(" ".join(text.split()) for name, text in TEXTS.items() if page in ("*", name))
        assert [text for text in texts if text not in within] == []


def test_a_changed_cell_changes_pages() -> None:
    draw = random.Random(0)
    for topic, facts in DATA.items():
        for name, part in facts.items():
            if not isinstance(part, dict) or "rows" not in part:
                continue
            cells = [list(row) for row in part["rows"]]
            row = draw.choice(cells)
            row[draw.randrange(len(row))] += "9"
            changed = {**DATA, topic: {**facts, name: {**part, "rows": cells}}}
            mark = f"<!-- figures: {topic}.{name} -->"
            for text in (text for text in TEXTS.values() if mark in text):
                assert with_tables(text, changed) != text


@pytest.mark.parametrize("page", [page for page in TEXTS if "experiments/" in page])
def test_a_figure_that_changes_in_the_data_is_found_in_prose(page: str) -> None:
    figures = unknown_figures(page, TEXTS[page], {}, CONSTANTS)
    if figures:
        drawn = random.Random(page).choice(figures)
        changed = tomllib.loads(
            re.sub(rf"(?<![\d.,]){re.escape(drawn)}(?![\d]|\.\d)", f"7{drawn}", tomli_w.dumps(DATA))
        )
        assert drawn in unknown_figures(page, TEXTS[page], changed, CONSTANTS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("errors fell to 12.64 %, [there](experiments/variants.md)", []),
        ("errors fell to 12.63 %, [there](experiments/variants.md)", ["12.63"]),
        ("errors fell to 12.64 %, without a link", ["12.64"]),
        ("it takes 4 minutes or 2,000 ms; 17 to 23 points", ["4", "2,000", "23", "17"]),
        ("version 0.1.0, Apache-2.0, 22 people, `--pause 0.5`, with Python 3.11", []),
    ],
)
def test_what_is_taken_as_measured(text: str, found: list[str]) -> None:
    assert sorted(unknown("docs/page.md", text)) == sorted(found)
