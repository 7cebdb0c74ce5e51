"""Trees of corpora, made file by file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from sla_cli.log import log
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.corpus import Listing

Lay = Callable[[Path, Mapping[str, str | bytes]], Path]
Read = Callable[..., Listing]


@pytest.fixture(scope="session")
def lay() -> Lay:
    """A function that puts files (path to content) into a folder; a path that ends with `/` is an empty folder."""
    return _lay


def _lay(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.fixture(scope="session")
def read() -> Read:
    """A function that lists the clips of a corpus (name, source, options) as `sla prep` does."""

    def read(name: str, source: Path, **options: Any) -> Listing:
        corpus = find_corpus(name)
        return corpus.read(corpus.open(source, None), corpus.options.checked(**options))

    return read


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], str]]:
    """A function that gives all that was logged so far."""
    before = log.propagate, log.level
    log.propagate = True
    log.setLevel(logging.INFO)
    yield lambda: caplog.text
    log.propagate = before[0]
    log.setLevel(before[1])
