"""Whether a run and clips fit together: their glosses, and the store that it was trained on."""

from __future__ import annotations

from pathlib import Path

from sla_cli.core.clip import unknown_glosses
from sla_cli.core.counted import counted
from sla_cli.errors import FormatError, SlaError, some
from sla_cli.log import log
from sla_cli.store.clips import Split
from sla_cli.store.left_out import digests_before
from sla_cli.store.store import Store
from sla_cli.work.run import Run


def check_glosses(run: Run, split: Split) -> None:
    """Raises SlaError if a run was trained on other glosses than those of the store."""
    if run.glosses == split.vocabulary:
        return
    ours, theirs = set(run.glosses), set(split.vocabulary)
    raise SlaError(
        f"the glosses of run {run.name} ({len(ours)}) do not match those of {split} ({len(theirs)}): "
        f"{len(theirs - ours)} new, {len(ours - theirs)} gone",
        "If glosses.txt of the run was edited, restore it; else train a new run.",
    )


def warn_of_differences(run: Run, split: Split) -> None:
    """Warn of what makes error rates other than they seem.

    Glosses in the references that the run does not know, a store that has changed since training, and, in another
    division of it, clips of training.
    """
    unknown = unknown_glosses(split.glosses, run.glosses)
    if unknown and not (run.is_own(split) and run.glosses == split.vocabulary):
        log.warning(
            "the run does not know %d of %s of %s, which cannot be recognised (%d different): %s",
            unknown.total(),
            counted(sum(map(len, split.glosses)), "gloss"),
            split,
            len(unknown),
            some(gloss for gloss, _ in unknown.most_common()),
        )
    if split.store.resolve() != run.own_store:
        return
    try:
        store = Store(split.store, run.facts.division)
    except SlaError as error:  # its division was renamed, or removed
        message = "whether run %s was trained on clips of %s is unknown: %s"
        log.warning(message, run.name, split, error.message)
        return
    if changed := how_changed(run, store, "name another store"):
        log.warning("%s", changed)
    elif not run.is_own(split):
        trained = set(store["train"].ids) if "train" in store.splits else set()
        if seen := [name for name in split.ids if name in trained]:
            log.warning(
                "run %s was trained on %s of %s (division %s), so its error rate there says little: %s",
                *(run.name, counted(len(seen), "clip"), split, store.division.name, some(seen)),
            )


def how_changed(run: Run, store: Store, instead: str) -> str:
    """What has changed in the store of a run, in its division, since it was trained; "" for nothing.

    Args:
        instead: what else to do than to bring it back.
    """
    changed = [name for name, digest in run.facts.digests.items() if _has_changed(store, name, digest)]
    if not changed:
        return ""
    name, what = run.name, some(changed)
    if not set(run.facts.digests.values()).isdisjoint(digests_before(store.path)):
        done = f"since run {name} was trained on it ({what} changed): train again"
        return f"signers were left out of the store {store.path} {done}"
    where = f"the store {store.path}" + (f", or its division {own}," if (own := store.division.name) else "")
    changes = f"{what} changed, so dev and test may hold clips of training"
    back = "restore it, draw the division as before," if own else "restore it,"
    return f"{where} has changed since run {name} was trained on it: {changes}; {back} or {instead}"


def warn_of_left_out(run: Run, *stores: Path | None) -> None:
    """Warn if a run has learned from signers who were left out of one of these stores since; None is no store."""
    for store in dict.fromkeys(store.resolve() for store in stores if store is not None):
        if not run.facts.learned_from.isdisjoint(digests_before(store)):
            message = "run %s has learned from signers who were left out of %s since, and so has what starts from it"
            log.warning(message, run.name, store)


def _has_changed(store: Store, split: str, digest: str) -> bool:
    """A missing split does not count as changed: a store may be copied in part."""
    try:
        return split in store.splits and store[split].digest != digest
    except FormatError:
        return True
