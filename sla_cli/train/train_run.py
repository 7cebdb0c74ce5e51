"""Starts or resumes a training run in its folder; the receipt is written after the last epoch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from sla_cli.artifact.lock import LOCK
from sla_cli.artifact.receipt import Receipt, read_receipt
from sla_cli.artifact.sole_writer import OWNER, Hold, sole_writer
from sla_cli.config.settings import Config
from sla_cli.core.counted import counted
from sla_cli.core.normalize import profile
from sla_cli.errors import SlaError, Stopped, some
from sla_cli.log import log
from sla_cli.model.device import place
from sla_cli.model.distributed import ALONE, ProcessGroup
from sla_cli.store.store import Store
from sla_cli.train.curves import draw_curves
from sla_cli.train.finish import finish_run
from sla_cli.train.init_from import check_kept
from sla_cli.train.loop import TrainSetup, check_start, train
from sla_cli.train.metrics import best_of
from sla_cli.train.results import Trained
from sla_cli.train.signals import catching_signals, stopped_after
from sla_cli.train.splits import check_splits
from sla_cli.work.folder import resume_command, seed_runs
from sla_cli.work.kind import RECEIPT_NAME
from sla_cli.work.making import making
from sla_cli.work.run import AGAIN, WEIGHTS, Run
from sla_cli.work.run_clips import check_glosses, how_changed
from sla_cli.work.run_facts import InitFrom, RunFacts


def start_run(
    store: Store,
    folder: Path,
    config: Config,
    *,
    preset: str,
    begin: InitFrom | None = None,
    force: bool = False,
    group: ProcessGroup = ALONE,
) -> Trained:
    """Train a new run in `folder`; the main process makes the folder.

    Args:
        begin: the run from whose weights it starts, from `init_from`.

    Raises:
        SlaError: the folder already contains a run and `force` is off, or the run to start from, or a run that another
            process is training, or files that are not of a run; the store has no train or dev split; training cannot
            begin.
    """
    run = Run(folder)
    with made(store, {run: config}, preset=preset, begin=begin, force=force, group=group):
        return resume_run(run, group)


@contextmanager
def made(
    store: Store,
    configs: Mapping[Run, Config],
    *,
    preset: str,
    begin: InitFrom | None,
    force: bool,
    group: ProcessGroup,
) -> Iterator[None]:
    """Make the folders of new runs, all or none, for a block that trains them. Raises SlaError as `start_run` does.

    If the block fails before any of them has something to resume, the folders are removed.
    """
    with group.agreed():
        check_splits(store)
    created: list[Run] = []
    try:
        with ExitStack() as held:
            for run in configs:  # all of them first: a run is replaced only if all can be
                held.enter_context(_held(run, group))
            with group.agreed():
                if group.is_main:
                    _check_new(store, configs, begin, force, group)
                    for run, config in configs.items():
                        if run.exists:
                            _remove(run)  # no file of it may be mistaken for one of the new run
                        run.create(config, store.vocabulary, RunFacts.of(store, preset, begin))
                        created.append(run)
        yield
    except (Exception, SystemExit):
        if group.is_main and not any(run.state.is_file() or run.best.is_file() for run in created):
            for run in configs:
                _discard(run, created=run in created)
        raise


def _check_new(
    store: Store, configs: Mapping[Run, Config], begin: InitFrom | None, force: bool, group: ProcessGroup
) -> None:
    """Raise SlaError if one of new runs cannot be made or trained, before anything of an old one is removed."""
    if begin is not None:
        check_kept(begin, configs)
    for path in (str(store.path.resolve()), begin.run if begin else "", *(str(run.path.absolute()) for run in configs)):
        if path.encode("utf-8", "ignore") != path.encode("utf-8", "surrogatepass"):
            fault = f"{path}: a run notes this path, which is not UTF-8, and could not be read again"
            raise SlaError(fault, "Rename that folder.")
    for run in configs:
        if run.exists and not force:
            hint = f"Continue it with {resume_command(run.path)}, replace it with --force."
            raise SlaError(f"{run.path} already contains a run", hint)
        if not run.exists and (seeds := seed_runs(run.path.parent, run.name)):
            names = some([path.name for path in seeds])
            raise SlaError(f"{run.name} already means the runs of several seeds: {names}", "Give another --name.")
        _check_free(run)
    receipt = read_receipt(store.path)
    if receipt is not None and (failed := receipt.results.get("failed")):
        log.warning("the store lacks %s that did not decode: %s", counted(len(failed), "clip"), some(failed))
    if any(run.exists for run in configs):
        check_start(store, next(iter(configs.values())), group, begin)


def _check_free(run: Run) -> None:
    """Raise SlaError for a folder without run.toml that has files which training would replace.

    A start that was killed may have left those that it writes before run.toml.
    """
    held = [path for path in _written(run) if os.path.lexists(path) and path not in run.begun]
    if held and not run.exists:
        names = some(sorted(str(path.relative_to(run.path)) for path in held))
        raise SlaError(
            f"{run.path} is not a run (it has no run.toml), but has files that training would replace: {names}",
            "Give another --name, or move them elsewhere.",
        )


def _discard(run: Run, *, created: bool) -> None:
    """Remove what could not begin, and the folder unless somebody has other files in it."""
    # Another process may train it by now. On a disk that cannot be written, the error of training is what counts.
    with suppress(SlaError, OSError), sole_writer(run.path, "", ""):
        if created:
            _remove(run)
        if run.exists:
            return
        for name in (LOCK, OWNER):
            (run.path / name).unlink(missing_ok=True)
        for folder in (run.tensorboard / "steps", run.tensorboard, run.path):
            with suppress(OSError):  # not empty, or not there
                folder.rmdir()


def _remove(run: Run) -> None:
    for path in _written(run):
        path.unlink(missing_ok=True)


def _written(run: Run) -> list[Path]:
    """What training writes. run.toml is the last, so that a removal that was killed leaves a run, which is replaced."""
    linked = run.tensorboard.is_symlink()  # to a folder that may have files of other programs
    events = [] if linked else run.tensorboard.rglob("events.out.tfevents.[0-9]*")
    return [run.path / RECEIPT_NAME, *events, *reversed(run.files)]


def resume_run(run: Run, group: ProcessGroup = ALONE) -> Trained:
    """Continue a run after the last step that was saved, with its own settings.

    Raises:
        SlaError: another process trains it, or the store has changed since the run began.
    """
    with group.agreed():
        _ = run.facts  # refuses what is not a run, before its folder is made
    if group.first(lambda: _is_whole(run)):
        return trained_of(run)
    with _held(run, group) as hold:
        with group.agreed():
            if run.best.is_file() and not run.state.is_file():
                raise SlaError(f"{run.path} has trained weights, but no {run.state.name} to continue from", AGAIN)
        return _train(run, _own_store(run, group), group, hold)


def _is_whole(run: Run) -> bool:
    """Whether a run is finished and has all its files. Raises SlaError if it is, with other best weights or none."""
    if not run.is_finished:
        return False
    log.info("%s is finished", run.path)
    run.check_weights()
    run.check_best()
    return not run.lost


def trained_of(run: Run) -> Trained:
    """The result of a finished run, from its receipt. Raises SlaError if it is not finished."""
    receipt = read_receipt(run.path, "train")
    if receipt is None:
        raise SlaError(f"{run.path} is not finished", "Continue it with --resume.")
    return Trained(run.path, run.config.train.seed, receipt.results["best_epoch"], receipt.results["dev_wer"])


def _own_store(run: Run, group: ProcessGroup) -> Store:
    """The store that a run began on. Raises SlaError if it is gone or has changed."""
    with group.agreed():
        store = run.own_clips()
        if changed := how_changed(run, store, "train a new run"):
            raise SlaError(
                changed, "Results of two stores must not be mixed: a new run needs another --name, or --force."
            )
        check_splits(store)
    return store


@contextmanager
def _held(run: Run, group: ProcessGroup) -> Iterator[Hold | None]:
    """Lock the run against training by other processes; None in all but the main process."""
    busy = f"another process is training {run.path}"
    hint = "Wait until it has ended, or stop it; to train another run at the same time, give another --name."
    with ExitStack() as stack:
        with group.agreed():
            hold = stack.enter_context(sole_writer(run.path, busy, hint)) if group.is_main else None
        yield hold


def _train(run: Run, store: Store, group: ProcessGroup, hold: Hold | None) -> Trained:
    """Train a run to its end. The main process draws the curves and writes the receipt."""
    with group.agreed():
        check_glosses(run, store["train"])
        config, facts = run.config, run.facts
        placement = place(group.device, config.train.precision, config.train.half)
    inputs, sources, begin = dict(facts.digests), {"store": facts.store}, facts.init_from
    if begin is not None:
        inputs["init_from"], sources["init_from"] = begin.weights, begin.run
    receipt = Receipt("train", asdict(config), inputs, config.train.seed, sources)
    epochs = train(TrainSetup(run, config, store, profile(facts.profile), placement, group, hold))
    best = best_of(epochs)
    if group.is_main:
        if hold is not None:
            hold.check()
        draw_curves(run.curves, epochs)
        _finish(run, store, group.device)
        old = read_receipt(run.path, "train")
        with making(run.path, receipt, force=True) as artifact:
            if old is None:  # a finished run that is resumed keeps its receipt
                artifact.results = {
                    "epochs": len(epochs),
                    "best_epoch": best.number,
                    "dev_wer": round(best.dev.wer, 4),
                    WEIGHTS: run.weights_digest,
                    "device": str(placement.device),
                    "precision": str(placement.dtype),
                    "processes": group.world_size,
                    **({"init_from": copied} if (copied := run.read_copied()) else {}),
                }
    return Trained(run.path, config.train.seed, best.number, best.dev.wer)


def _finish(run: Run, store: Store, device: str) -> None:
    """Fit what a run gets after its last epoch."""
    with catching_signals() as stop:
        try:
            finish_run(run, store, device, stop.check)
        except Stopped as stopped:
            raise stopped_after(stopped, "the last epoch", run.path) from stopped
