"""A split of a store in the processes of a pool."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from sla_cli.store.store import Split, Store


@lru_cache(maxsize=1)
def open_split(store: Path, split: str) -> Split:
    """Opened once in each process: its tables take longer to read than a clip. Raises as `Store` and its splits do."""
    return Store(store)[split]
