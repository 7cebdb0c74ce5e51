"""A small corpus and its store, which tests of prep share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from prep_work import build


@pytest.fixture(autouse=True)
def _no_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test simulates a power failure, so the disk need not be flushed."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, phoenix_tree: Callable[..., Path]) -> Path:
    """A small corpus; not to be changed."""
    return phoenix_tree(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Its store, made without interruption; not to be changed."""
    out = tmp_path_factory.mktemp("work") / "stores" / "phoenix2014"
    assert build(root, out).divisions["multisigner"].clips == {"train": 3, "dev": 1, "test": 1}
    return out


@pytest.fixture
def out(tmp_path: Path, made: Path) -> Path:
    """A copy of the store, for tests that change it."""
    return Path(shutil.copytree(made, tmp_path / "copy"))


@pytest.fixture
def own(tmp_path: Path, root: Path) -> Path:
    """A copy of the corpus, for tests that change it."""
    return Path(shutil.copytree(root, tmp_path / "corpus"))
