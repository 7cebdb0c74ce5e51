"""Trains one configuration with several seeds, one run for each: starts all, and continues unfinished ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sla_cli.config.settings import Config
from sla_cli.core.counted import counted
from sla_cli.core.seed_groups import LEVEL, mean_interval, spread
from sla_cli.errors import SlaError, Stopped
from sla_cli.log import log
from sla_cli.model.distributed import ALONE, ProcessGroup
from sla_cli.store.store import Store
from sla_cli.train.results import TrainedSeeds
from sla_cli.train.train_run import made, resume_run, trained_of
from sla_cli.work.folder import SEED, resume_command
from sla_cli.work.group import Member, check_group
from sla_cli.work.run import Run
from sla_cli.work.run_facts import InitFrom


def start_seeds(
    store: Store,
    base: Path,
    config: Config,
    seeds: Sequence[int],
    *,
    preset: str,
    begin: InitFrom | None = None,
    force: bool = False,
    group: ProcessGroup = ALONE,
) -> TrainedSeeds:
    """Train new runs BASE-seedN, each like `start_run` with that seed.

    All folders are made before the first run is trained, so `--resume` knows which runs to train.

    Raises:
        SlaError: one of the folders, or `base`, already contains a run and `force` is off; one of them is the run to
            start from; or as `start_run`.
    """
    runs = [Run(base.with_name(f"{base.name}{SEED}{seed}")) for seed in seeds]
    with group.agreed():
        _refuse_present(base, runs, force=force)
    own = [replace(config, train=replace(config.train, seed=seed)) for seed in seeds]
    with made(store, dict(zip(runs, own, strict=True)), preset=preset, begin=begin, force=force, group=group):
        return resume_seeds(runs, group)


def resume_seeds(runs: Sequence[Run], group: ProcessGroup = ALONE) -> TrainedSeeds:
    """Train the unfinished runs, one after the other. Raises SlaError as `check_group` and `resume_run` do."""
    base = runs[0].name.rpartition(SEED)[0]
    with group.agreed():
        if group.is_main:
            check_group(base, [Member.of(run.name, run.path, run) for run in runs])
    for number, run in enumerate(runs, start=1):
        log.info("run %s, %d of %s", run.path, number, counted(len(runs), "seed"))
        try:
            resume_run(run, group)
        except Stopped as stopped:
            every = resume_command(run.path.with_name(base))
            text = f"{stopped.message}, or all seeds with {every}" if stopped.message else ""
            raise Stopped(stopped.signal, text) from stopped
        group.wait_for_main(run.name)
        group.release()
    return group.first(lambda: _together(base, runs))


def _refuse_present(base: Path, runs: Sequence[Run], *, force: bool) -> None:
    if Run(base).exists:
        raise SlaError(f"{base} is a run, so its name cannot mean several runs", "Give another --name.")
    present = [run for run in runs if run.exists]
    if present and not force:
        others = ",".join(run.name.rpartition(SEED)[2] for run in runs if run not in present)
        hint = f"Continue all with {resume_command(base)}, replace them with --force."
        if others:
            go_on = f"Continue what is there with {resume_command(base)}"
            hint = f"{go_on}, train the others alone with --seeds {others}, or replace all with --force."
        raise SlaError(f"{present[0].path} already contains a run", hint)


def _together(name: str, runs: Sequence[Run]) -> TrainedSeeds:
    """What finished runs say together; rates in percent, from each run's best epoch on dev."""
    trained = tuple(map(trained_of, runs))
    rates = [one.dev_wer for one in trained]
    return TrainedSeeds(name, trained, float(np.mean(rates)), spread(rates), mean_interval(rates), LEVEL)
