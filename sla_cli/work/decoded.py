"""The hypotheses in a work folder that were decoded from a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sla_cli.artifact.receipt import DIGEST, read_receipt
from sla_cli.errors import SlaError, argument, some
from sla_cli.log import ONCE, log
from sla_cli.store.store import Store, is_store_of
from sla_cli.work.folder import Work, find_source, finished, search_of, work_option
from sla_cli.work.run import Run


def hypotheses_of(work: Work, run: Run, *, split: str | None = None, search: str | None = None) -> Path:
    """The hypotheses that were decoded from the present weights of a run.

    Args:
        split: which split, if there are several.
        search: which search: `greedy`, `beam10`, `beam10-lm`, as in the file's name.

    Raises:
        SlaError: there are none, or several (listed).
    """
    every = _named(work, run, split)
    named = _by(search, every)
    found = _of_present_weights(named, run)
    chosen = f" of {split}" * bool(split) + f" by {search}" * bool(search)
    if not found:
        which = f" --split {split}" * bool(split)  # else it decodes dev
        command = f"sla decode {argument(run.path)}{which}{work_option(work.root)}"
        others = ", only of other weights or of unknown ones" * bool(named)
        fault = f"no hypotheses{chosen} of run {run.name} in {work.hypotheses}{others}"
        hint = f"`{command}`{f' with the options of {search}' if search else ''} makes them."
        there = _of_present_weights(_named(work, run, None), run) if search else []
        if known := sorted({f"{search_of(path)} (of {_split_of(path)})" for path in there}):
            hint = f"There are those by {some(known)}; {hint}"
        raise SlaError(fault, hint)
    if len(found) > 1:
        kinds = {"--split": _split_of, "--search (greedy, beam10, …)": search_of}
        options = [option for option, kind in kinds.items() if len(set(map(kind, found))) > 1]
        how = f"Choose with {' and '.join(options)}"
        if not options:  # decoded with other options besides
            how = f"Move those that you do not want out of {found[0].parent}, each with its .receipt.json"
        raise SlaError(
            f"several hypotheses{chosen} of run {run.name}: {', '.join(path.name for path in found)}",
            f"{how}; `sla score` and `sla compare` also take files.",
        )
    if not (is_of_own_store(found[0], run) or _is_of_own_place(found[0], run)):
        message = (
            "%s: not known to be of the store and the division on which run %s was trained; "
            "it may have seen these clips"
        )
        log.warning(message, found[0], run.name, extra=ONCE)
    return found[0]


def has_hypotheses(work: Work, run: Run, split: str, search: str | None = None) -> bool:
    """Whether there are hypotheses of a split, by any search or this one, from the present weights of a run."""
    return bool(_of_present_weights(_by(search, _named(work, run, split)), run))


def decoded_runs(work: Work, splits: Sequence[str]) -> list[Run]:
    """The runs of the work folder of which there are hypotheses of one of these splits, in the order of their names."""
    runs = (Run(work.runs / name) for name in sorted(folder.name for folder in work.hypotheses.glob("*")))
    return [run for run in runs if run.exists and any(has_hypotheses(work, run, split) for split in splits)]


def is_from(hypotheses: Path, weights: str) -> bool:
    """Whether hypotheses are from weights with this digest, as their receipt says: not if it does not say from which,
    as of emissions of another system.

    Those whose emissions were made again with other content are not taken as from them. Of a copied work folder its own
    emissions count, whatever became of the others.
    """
    decoded = read_receipt(hypotheses)
    made = None if decoded is None else decoded.sources.get("weights")
    if decoded is None or made is None:
        return False
    place = decoded.sources.get("emissions", "")
    emissions = find_source(Path(place), hypotheses) if place else None
    emitted = read_receipt(emissions) if emissions is not None else None
    same = emitted is None or emitted.results.get(DIGEST) == decoded.inputs.get("emissions")
    return same and made == weights


def _is_of_own_place(hypotheses: Path, run: Run) -> bool:
    """Whether they are of the run's store and division, however these have changed since training."""
    decoded, facts = read_receipt(hypotheses), run.facts
    place = decoded.sources.get("store") if decoded is not None else None
    if decoded is None or not place or decoded.sources.get("division") != facts.division:
        return False
    found = find_source(Path(place), hypotheses)
    return place == facts.store or (found is not None and found.resolve() == run.own_store)


def is_of_own_store(hypotheses: Path, run: Run) -> bool:
    """Whether hypotheses are of clips of the store and the division that a run was trained on.

    Those of train and dev must be of the same clips and references as at training, others as in the store now.
    """
    decoded, facts = read_receipt(hypotheses), run.facts
    if decoded is None:
        return False
    split, digest = decoded.sources.get("split", ""), decoded.sources.get("split_digest")
    if split in facts.digests:
        return digest == facts.digests[split]
    try:
        return digest == Store(run.own_store or facts.store, facts.division)[split].digest
    except SlaError:  # it is gone, or was moved
        store, own = decoded.sources.get("store", ""), is_store_of(facts.digests, facts.division)
        there = find_source(Path(store), hypotheses, own)
        same = own(there) if there is not None else store == facts.store
        return same and decoded.sources.get("division") == facts.division


def _named(work: Work, run: Run, split: str | None) -> list[Path]:
    """The hypotheses of all runs that have had this name."""
    found = (path for _, path in finished(work.hypotheses / run.name, "*.tsv"))
    return [path for path in found if split in (None, _split_of(path))]


def _by(search: str | None, hypotheses: Sequence[Path]) -> list[Path]:
    return [path for path in hypotheses if search in (None, search_of(path))]


def _split_of(hypotheses: Path) -> str:
    """Of a file of the work folder, as its name says."""
    return hypotheses.name.partition("-")[0]


def _of_present_weights(hypotheses: Sequence[Path], run: Run) -> list[Path]:
    """Those that are known to be from the weights that the run has: others may be of another system of its name."""
    there = run.best.is_file()
    if not hypotheses or (not there and run.is_finished):  # only its weights were deleted
        return list(hypotheses)
    weights = run.weights_digest if there else ""  # of a run that is trained again there are none yet
    return [path for path in hypotheses if is_from(path, weights)]
