"""The split with the references of the clips of an artifact: that of the store from which the artifact was made."""

from __future__ import annotations

from pathlib import Path

from sla_cli.core.counted import counted
from sla_cli.errors import SlaError, some
from sla_cli.store.clips import Split
from sla_cli.store.store import Store, is_store_of
from sla_cli.work.emissions import Emissions, emission_inputs
from sla_cli.work.folder import store_now


def recorded_split(artifact: Path, store: Path, division: str, name: str, digest: str | None, option: str) -> Split:
    """The split from which an artifact was made, where its store was or where the work folder is now.

    Args:
        artifact: emissions or hypotheses.
        store, division, name, digest: the split, as the artifact records it; the digest is None if it is not known.
        option: with which the user can name a store.

    Raises:
        SlaError: no store is recorded, it is gone, or the split has changed.
    """
    if store == Path():  # of another system, which knows no store
        raise SlaError(f"{artifact} records no store with its references", f"Name one with {option}.")
    is_it = is_store_of({name: digest}, division) if digest else None
    split = Store(store_now(store, artifact, option, is_it), division)[name]
    if digest not in (None, split.digest):
        raise SlaError(
            f"{split} has other clips or references than when {artifact} was made",
            f"Make it again, or name the store with the references with {option}.",
        )
    return split


def reference_split(emissions: Emissions, store: Path | None = None) -> Split:
    """The split that emissions belong to.

    Args:
        store: path of its store, or of one with other references of the same clips; None looks where it was or
            where the work folder is now.

    Raises:
        SlaError: the store is gone or has changed, lacks clips, or has no references.
    """
    header, digest = emissions.header, emission_inputs(emissions.path).get("split")
    if store is not None:
        split = Store(store)[header.split]
    else:
        split = recorded_split(
            emissions.path, Path(header.store), header.division, header.split, digest, option="--store"
        )
    split.references()
    if missing := [name for name in emissions.ids if name not in split]:
        raise SlaError(
            f"{split} lacks {counted(len(missing), 'clip')} of {emissions.path}: {some(missing)}",
            "Is it another corpus?",
        )
    return split
