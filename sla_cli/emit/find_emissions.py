"""Which emissions a command works on: a file that was given, or those of a run, which are made if they are missing."""

from __future__ import annotations

from pathlib import Path

from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.store.clips import Split
from sla_cli.store.store import Store
from sla_cli.work.emissions import Emissions, emission_receipt, emissions_path, is_current
from sla_cli.work.folder import Work
from sla_cli.work.model_folder import find_trained
from sla_cli.work.run import Run
from sla_cli.work.run_clips import warn_of_differences
from sla_cli.work.run_weights import check_vocabulary


def find_emissions(
    source: Path | None,
    work: Work,
    *,
    split: str | None = None,
    store: Path | None = None,
    weights: str | None = None,
    device: str = "auto",
) -> tuple[Path, Run | None]:
    """The emissions file that was given, or the run's, which is made if no file matches, and this run.

    Args:
        source: a run, by name or folder, or an emissions file; None is the newest run.
        split: None is dev, or the only split; of a file it must be the one that it holds.
        store: of any corpus; None is the run's own.

    Raises:
        SlaError: no such run or file, another split, weights for a file; or as `emit`.
    """
    source = work.run_given(source)
    if source.is_file():
        if weights is not None:
            raise SlaError(f"{source} is an emissions file, for which --weights has no effect", "Leave it out.")
        holds = Emissions(source).header.split
        if split not in (None, holds):
            raise SlaError(f"{source} holds emissions of {holds}, but --split is {split}", "Leave --split out.")
        return source, None
    if not source.exists():
        hint = "`sla train` makes runs, `sla emit` emissions. A model on the hub is hf://OWNER/NAME@REVISION."
        raise SlaError(f"no such run or emissions: {source}", hint)
    run = find_trained(source)
    found = Store(store) if store else run.own_clips()
    return emissions_of(run, found[split or found.default_split], work, weights=weights, device=device), run


def emissions_of(run: Run, clips: Split, work: Work, *, weights: str | None = None, device: str = "auto") -> Path:
    """The emissions file of a run and a split in a work folder, which is made if it is missing. Raises as `emit`."""
    check_vocabulary(run)
    path = emissions_path(work.emissions, run, clips)
    if is_current(path, emission_receipt(run, clips)):
        warn_of_differences(run, clips)
        if untimed := int((Emissions(path).fps == 0).sum()):
            log.warning("unknown frame rate, so no times in seconds: %s", counted(untimed, "clip"))
    else:
        from sla_cli.emit.emit import emit  # torch, which is not needed if the emissions are there

        emit(run, clips, path, device=device, weights=weights)
    return path
