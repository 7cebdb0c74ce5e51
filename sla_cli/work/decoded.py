"""The hypotheses in a work folder that were decoded from a run."""

from __future__ import annotations

from pathlib import Path

from sla_cli.artifact.receipt import DIGEST, Receipt, digest_file, read_receipt
from sla_cli.errors import SlaError, argument
from sla_cli.work.folder import Work, find_source, finished, search_of
from sla_cli.work.run import Run


def hypotheses_of(work: Work, run: Run, *, split: str | None = None, search: str | None = None) -> Path:
    """The hypotheses that were decoded from the present weights of a run.

    Args:
        split: which split, if there are several.
        search: which search: `greedy`, `beam10`, `beam10-lm`, as in the file's name.

    Raises:
        SlaError: there are none, or several (listed).
    """
    every = [path for _, path in finished(work.hypotheses / run.path.name, "*.tsv")]
    found = [path for path in every if not _is_of_others(path, run)]
    found = [path for path in found if split in (None, path.name.partition("-")[0])]
    found = [path for path in found if search in (None, search_of(path))]
    chosen = f" of {split}" * bool(split) + f" by {search}" * bool(search)
    if not found:
        command = f"sla decode {argument(run.path)}" + f" --split {split}" * bool(split)  # else it decodes dev
        others = ", only of other weights" * bool(every)
        fault = f"no hypotheses{chosen} of run {run.path.name} in {work.hypotheses}{others}"
        raise SlaError(fault, f"`{command}` makes them.")
    if len(found) > 1:
        raise SlaError(
            f"several hypotheses{chosen} of run {run.path.name}: {', '.join(path.name for path in found)}",
            "Choose with --split and --search (greedy, beam10, beam10-lm, …), or name the files.",
        )
    return found[0]


def has_hypotheses(work: Work, run: Run, split: str) -> bool:
    """Whether there are hypotheses of a split from the present weights of a run."""
    found = (path for _, path in finished(work.hypotheses / run.path.name, "*.tsv"))
    return any(path.name.startswith(f"{split}-") and not _is_of_others(path, run) for path in found)


def emitted_for(hypotheses: Path) -> Receipt | None:
    """The receipt of the emissions that hypotheses were decoded from; None if they are gone, or were made again."""
    decoded = read_receipt(hypotheses)
    if decoded is None or "emissions" not in decoded.sources:
        return None
    emissions = find_source(Path(decoded.sources["emissions"]), hypotheses)
    emitted = read_receipt(emissions) if emissions is not None else None
    same = emitted is not None and emitted.results.get(DIGEST) == decoded.inputs.get("emissions")
    return emitted if same else None


def _is_of_others(hypotheses: Path, run: Run) -> bool:
    """Whether hypotheses are known to be from other weights than the run has."""
    emitted = emitted_for(hypotheses)
    return emitted is not None and run.best.is_file() and emitted.inputs.get("weights") != digest_file(run.best)
