from __future__ import annotations

import pytest
from synthetic import write_store

from sla_cli.store.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return write_store(tmp_path_factory.mktemp("store"))
