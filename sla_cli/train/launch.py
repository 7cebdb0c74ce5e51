"""`sla train`: a new run, the runs of several seeds, a dry run, or the continuation of one; also under torchrun.

torch is imported only after everything that can be refused without it, because its import takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sla_cli.config.settings import Config
from sla_cli.log import log
from sla_cli.store.store import Store
from sla_cli.train.splits import check_splits
from sla_cli.work.folder import Work
from sla_cli.work.model_folder import find_trained
from sla_cli.work.output import check_folder
from sla_cli.work.run import Run
from sla_cli.work.run_clips import warn_of_left_out

if TYPE_CHECKING:
    from sla_cli.train.results import Forecast, Trained, TrainedSeeds


def start_training(
    work: Work,
    device: str,
    settings_on: Callable[[str], Config],
    *,
    store: Path | None = None,
    preset: str | None = None,
    name: str | None = None,
    seeds: Sequence[int] = (),
    init: str | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> Forecast | Trained | TrainedSeeds | None:
    """Train new runs, or with `dry_run` only measure. The result is None in all but the main process.

    Args:
        settings_on: the settings on top of a preset.
        store: None is the only one of the work folder.
        preset: None is that of the store's corpus.
        name: of the run; with seeds, the beginning of the names of all runs. None is VARIANT-N.
        seeds: of several runs; () is one run.
        init: name or folder of a run whose weights it starts from.
        force: replace a run of this name.

    Raises:
        SlaError: as `start_run` and `start_seeds`; several processes and `dry_run`; a work folder in an artifact.
    """
    clips = Store(work.store_given(store))
    check_splits(clips)
    of_corpus = clips.header.preset
    settings = settings_on(preset or of_corpus)
    from sla_cli.model.distributed import join
    from sla_cli.train.dry_run import dry_run as forecast
    from sla_cli.train.init_from import init_from
    from sla_cli.train.seeds import start_seeds
    from sla_cli.train.train_run import start_run

    source = find_trained(work.one_run(init)) if init else None
    begin = None if source is None else init_from(source, settings)
    if source is not None:
        warn_of_left_out(source, source.own_store, clips.path)
    with join(device) as group:
        if preset is None:
            log.info("using preset %s, for the corpus of %s", of_corpus, clips.path)
        if dry_run and group.world_size > 1:
            raise group.refusal("--dry-run measures a training of one process", "Start it without torchrun.")
        if dry_run:
            return forecast(clips, settings, device, begin)

        def folder() -> Path:
            check_folder(work.runs)
            return work.runs / name if name else work.new_run(settings.model.variant, seeds)

        start: Callable[..., Trained | TrainedSeeds]
        start = partial(start_seeds, seeds=seeds) if seeds else start_run
        path = group.first(folder)
        result = start(clips, path, settings, preset=preset or of_corpus, begin=begin, force=force, group=group)
        return result if group.is_main else None


def resume_training(work: Work, device: str, name: str | None) -> Trained | TrainedSeeds | None:
    """Continue a run, or the runs of several seeds. The result is None in all but the main process.

    Args:
        name: None is the unfinished run that was begun last.

    Raises:
        SlaError: as `resume_run`, or no such run.
    """
    from sla_cli.model.distributed import join
    from sla_cli.train.seeds import resume_seeds
    from sla_cli.train.train_run import resume_run

    with join(device) as group:
        runs = [Run(path) for path in group.first(lambda: work.runs_to_resume(name))]
        result = resume_seeds(runs, group) if len(runs) > 1 else resume_run(runs[0], group)
        return result if group.is_main else None
