from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_work import make_work

from sla_cli.report.page import write_page
from sla_cli.report.system import load_systems

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of two systems with hostile names, Arabic and Chinese."""
    folder = tmp_path_factory.mktemp("report")
    out = folder / "report.html"
    write_page(
        out,
        load_systems(make_work(folder / "work")),
        title="A <em>title</em>",
        note="Synthetic <q>signing</q>.",
        next_steps=("sla score --ref <FILE>",),
    )
    return out


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium, started once."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield chromium
        chromium.close()
