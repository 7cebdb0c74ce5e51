"""The references of the clips of an emissions file, from the store that the emissions were made from."""

from __future__ import annotations

from pathlib import Path

from sla_cli.artifact.receipt import read_receipt
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.store.clips import Split
from sla_cli.store.store import Store, is_store_of
from sla_cli.work.emissions import Emissions
from sla_cli.work.folder import store_now


def reference_split(emissions: Emissions, store: Path | None = None) -> Split:
    """The split that the emissions belong to.

    Args:
        store: path of its store, or of one with other references of the same clips; None looks where it was or
            where the work folder is now.

    Raises:
        SlaError: the store is gone or has changed, lacks clips, or has no references.
    """
    header = emissions.header
    made = read_receipt(emissions.path)
    digest = made.inputs.get("split") if made is not None else None
    is_it = is_store_of({header.split: digest}, header.division) if digest else None
    found = store or store_now(Path(header.store), emissions.path, "--store", is_it)
    split = Store(found, "" if store else header.division)[header.split]
    split.references()
    if store is None and digest not in (None, split.digest):
        raise SlaError(
            f"{split} has other clips or references than when {emissions.path} was made",
            "Emit again, or name the store with the references with --store.",
        )
    if missing := [name for name in emissions.ids if name not in split]:
        raise SlaError(
            f"{split} lacks {counted(len(missing), 'clip')} of {emissions.path}: {some(missing)}",
            "Is it another corpus?",
        )
    return split
