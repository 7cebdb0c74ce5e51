"""Which splits of a store training reads."""

from __future__ import annotations

from sla_cli.errors import SlaError
from sla_cli.formats.store import Store


def check_splits(store: Store) -> None:
    """Raise SlaError where a store lacks what training reads: clips to learn from, and dev to score each epoch."""
    missing = [split for split in ("train", "dev") if split not in store.splits]
    if missing:
        raise SlaError(
            f"the store {store.path} has no {' and no '.join(missing)} split, only {' and '.join(store.splits)}: "
            "training learns from train, and scores dev after each epoch to keep the best",
            "Run `sla prep` with a source that lists both, or let it divide the clips: --split-by signer, sentence or "
            "random.",
        )
