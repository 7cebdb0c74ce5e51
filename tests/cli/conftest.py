"""Fixtures for tests of several commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from decode_work import write_emissions_and_lm


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: dev.h5 and test.h5 of a synthetic recogniser, and gloss.arpa over their glosses."""
    monkeypatch.chdir(tmp_path)
    write_emissions_and_lm(tmp_path)
    return tmp_path
