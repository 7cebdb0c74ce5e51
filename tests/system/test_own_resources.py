"""The limit of open files of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sla_cli.system.own_resources import allow_open_files

resource = pytest.importorskip("resource", reason="Windows has none")


@pytest.fixture
def hard() -> Iterator[int]:
    """The limit that cannot be raised, while the other one is 400."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, before[1]))
    yield before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_is_raised_as_far_as_it_can_be(hard: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted, limit in ((300, 400), (500, 500), (450, 500)):
        assert allow_open_files(wanted) == wanted
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit, hard)
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (500, 550))
    kept = []
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: kept.append(limits))
    assert (allow_open_files(600), kept) == (500, [(550, 550)])  # a system that does not do what it says
