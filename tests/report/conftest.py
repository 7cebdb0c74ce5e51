from __future__ import annotations

from pathlib import Path

import pytest
from report_work import make_work

from sla_cli.report.page import write_page
from sla_cli.report.system import load_systems


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
