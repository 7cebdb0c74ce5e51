"""The splits of a store that training needs."""

from __future__ import annotations

from sla_cli.errors import SlaError, argument
from sla_cli.store.store import Store

NEEDED = ("train", "dev")


def check_splits(store: Store) -> None:
    """Raise SlaError if a store lacks clips to train on, or dev with glosses to score each epoch, or one is damaged."""
    missing = [split for split in NEEDED if split not in store.splits]
    if missing:
        only = f", only {' and '.join(store.splits)}" if store.splits else ""
        # Beside others it is not the default.
        named = "; name it in the store's place, as STORE:DIVISION" if store.divisions else ""
        draw = f"`sla split {argument(store.path)} --by signer` (or sentence, or random) draws a division with both"
        raise SlaError(
            f"the store {store.name} has no {' and no '.join(missing)} split{only}: "
            "training uses train, and scores dev after each epoch to keep the best weights",
            f"{draw}{named}.",
        )
    for split in NEEDED:
        store[split]  # opens its files
    store["dev"].references()
