"""Figures that were measured: `docs/figures/TOPIC.toml` holds those of an experiment, as they are printed.

`python docs/reference.py` writes its tables into the pages, between `<!-- figures: TOPIC.table -->` and `<!-- end of
figures -->`. Prose may name a figure of an experiment that its page links or shows. Numbers that look measured and are
not stand in `docs/constants.toml`, by page, each with a reason.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tables import row, table

DOCS = Path(__file__).parent
ROOT = DOCS.parent
GENERATED = ("commands.md", "json.md", "settings.md")
BLOCK = re.compile(r"<!-- figures: ([\w-]+)\.([\w-]+) -->\n.*?<!-- end of figures -->", re.DOTALL)
NOT_PROSE = re.compile(r"^ *```.*?^ *```$|`[^`]*`|\]\([^)]*\)|https?://\S+", re.DOTALL | re.MULTILINE)
NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
UNIT = r" ?(?:%|points?|times|ms|s|min|minutes?|hours?|seconds?|[kKMG]i?B)(?![\w-])"
RANGE = rf"(?:, | to | and | or )[+\u2212-]?{NUMBER}"
MEASURED = re.compile(
    rf"(?<![\w.,])(?<![A-Za-z]-)({NUMBER}(?={UNIT}|{RANGE}{UNIT}|{RANGE}{RANGE}{UNIT})|\d[\d,]*\.\d+(?!\d|\.\d))"
)

Data = Mapping[str, Mapping[str, Any]]  # topic to its facts and tables
Constants = Mapping[str, Mapping[str, str]]  # page, or *, to text and the reason why it is no measurement


def pages() -> list[Path]:
    """README and all pages that people write."""
    return [ROOT / "README.md", *sorted(page for page in DOCS.rglob("*.md") if page.name not in GENERATED)]


def measured() -> Data:
    return {path.stem: _read(path) for path in sorted((DOCS / "figures").glob("*.toml"))}


def constants() -> Constants:
    return _read(DOCS / "constants.toml")


def with_tables(text: str, data: Data) -> str:
    """A page with the tables of the data between its marks. Raises KeyError for a table that is not there."""

    def written(mark: re.Match[str]) -> str:
        topic = data[mark[1]]
        facts = topic[mark[2]]
        lines = table(facts["columns"], [row(*cells) for cells in facts["rows"]])
        origin = f"*{topic['date']}, commit {topic['commit']}, {topic['machine']}.*"
        return f"<!-- figures: {mark[1]}.{mark[2]} -->\n\n{lines}\n\n{origin}\n\n<!-- end of figures -->"

    return BLOCK.sub(written, text)


def unknown_figures(page: str, text: str, data: Data, known: Constants) -> list[str]:
    """Measured figures of the prose that stand neither in an experiment that the page names nor among the constants."""
    topics = {mark[1] for mark in BLOCK.finditer(text)} | set(re.findall(r"experiments/([\w-]+)\.md", page))
    beside = r"\]\(([\w-]+)\.md" if "experiments/" in page else r"experiments/([\w-]+)\.md"
    topics |= set(re.findall(beside, text))
    printed = {number for topic in topics & data.keys() for cell in _cells(data[topic]) for number in _numbers(cell)}
    prose = " ".join(NOT_PROSE.sub(" ", BLOCK.sub("", text)).split())
    for constant in sorted({**known.get("*", {}), **known.get(page, {})}, key=len, reverse=True):
        prose = re.sub(rf"(?<![\w.]){re.escape(constant)}(?![\w]|\.\d)", " … ", prose)
    return [number for number in MEASURED.findall(prose) if number not in printed]


def _read(path: Path) -> Any:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _cells(facts: Any) -> Iterator[str]:
    """All texts below: cells of tables, and figures that stand in no table."""
    if isinstance(facts, str):
        yield facts
    for part in facts.values() if isinstance(facts, dict) else facts if isinstance(facts, list) else ():
        yield from _cells(part)


def _numbers(cell: str) -> list[str]:
    return re.findall(rf"(?<![\w.]){NUMBER}", cell)


def write() -> None:
    data = measured()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (written := with_tables(text, data)) != text:
            page.write_text(written, encoding="utf-8")
