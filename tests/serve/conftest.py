"""Two services, started together: an open one on loopback with live streams, and one with a token and tight limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from recordings import copy_run
from running_service import Running, service

from sla_cli.errors import WEB

TOKEN = "0123456789abcdef"


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for module in WEB:
        pytest.importorskip(module, reason="needs the extra web")
    return copy_run(tmp_path_factory.mktemp("serve"))


@pytest.fixture(scope="module")  # their processes take a few gigabytes
def both(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Running]]:
    folder = tmp_path_factory.mktemp("tight")
    (folder / "token").write_text(f"{TOKEN}\n")
    tight = ("--token-file", folder / "token", "--streams", "0", "--queue", "3", "--max-mb", "0.5")
    with (
        service(run, "--contact", "Ada & <b>Bo</b>") as first,
        service(run, *tight, "--state", folder / "state", token=TOKEN) as second,
    ):
        first.ready()
        second.ready()
        yield first, second


@pytest.fixture
def opened(both: tuple[Running, Running]) -> Running:
    return both[0]


@pytest.fixture
def tight(both: tuple[Running, Running]) -> Running:
    return both[1]


@pytest.fixture
def state(tight: Running) -> Path:
    """The state folder of `tight`."""
    assert isinstance(tight.process.args, list)
    return Path(tight.process.args[-1])
