"""Applies a run to a split of any store, and writes an emissions file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from sla_cli.artifact.lock import locked_while_made
from sla_cli.artifact.receipt import Receipt, already_made, unchanged_digest
from sla_cli.config.settings import EmitConfig
from sla_cli.core.calibration import Calibration
from sla_cli.core.counted import counted
from sla_cli.core.digest import digest_json
from sla_cli.data.seen import SeenClips, see
from sla_cli.emit.inference import batches_by_length, emit_batches
from sla_cli.emit.parts import Parts
from sla_cli.errors import SlaError
from sla_cli.log import log, progress
from sla_cli.model.distributed import ProcessGroup, join
from sla_cli.model.open_run import OpenedModel, open_model
from sla_cli.store.clips import Split
from sla_cli.store.store import check_same_clips
from sla_cli.system.atomic import remove_folder
from sla_cli.work.emissions import PARTS, EmissionHeader, emission_receipt, is_current, write_emissions
from sla_cli.work.kind import EMISSIONS
from sla_cli.work.making import making
from sla_cli.work.output import check_output
from sla_cli.work.run import Run
from sla_cli.work.run_clips import warn_of_differences

PATIENCE = timedelta(days=7)  # in practice no limit for the slowest process


def emit(
    run: Run,
    split: Split,
    out: Path,
    *,
    device: str = "auto",
    weights: str | None = None,
    how: EmitConfig | None = None,
    named: bool = False,
    force: bool = False,
) -> bool:
    """Apply the best checkpoint of a run to a split and write its emissions file, unless it exists and is up to date.

    The split may belong to any store: the run's glosses are the columns, and frames are resampled to the frame rate of
    training. Finished batches are kept in a hidden folder next to `out` until all are done, so an interrupted attempt
    can be continued. Under torchrun each process computes its share of the batches, and the first joins them.

    Args:
        device: auto, cpu, cuda or cuda:N; under torchrun auto and cuda are the process's own GPU.
        weights: the backbone's weights, if the file has moved since training.
        how: precision, type on disk, frames per batch; None accepts existing emissions of any precision.
        named: whether the user named the file: one that is not of this run and split is then kept unless `force` is on.
        force: compute the emissions again even if they are up to date; ignored if `how` is None.

    Returns:
        Whether this is the process that reports: under torchrun only the first.

    Raises:
        SlaError: the frames do not fit the run, its weights do not fit the backbone, it is changed meanwhile, or `out`
            holds emissions of the same run and split in another precision, or is a folder.
        FormatError: the model gave NaN, or existing emissions are damaged.
    """
    wanted = how or EmitConfig()
    check_run = run.unchanged()
    receipt = emission_receipt(run, split, wanted.precision, wanted.dtype)
    hidden = out.with_name(f".{out.name}{PARTS}")

    def is_there() -> bool:
        if not is_current(out, receipt) or (how is not None and already_made(out, receipt, force=force) is None):
            return False
        unchanged_digest(out)
        _remove_parts(hidden)
        log.info("taking emissions %s", out)
        return True

    if force or not is_current(out, receipt):
        check_output(out, EMISSIONS, inputs=(Path(weights) if weights else None,), replace=force or not named)
    with join(device, PATIENCE) as group:
        if group.is_main:
            warn_of_differences(run, split)
        if group.first(is_there):
            return group.is_main
        clips = see(split, run.facts.frames)
        with _alone(hidden, group) as folder:
            if group.first(is_there):  # another job has made it meanwhile
                return group.is_main
            with group.agreed():
                calibration = run.read_calibration()  # a damaged one is refused before hours of work
                opened = open_model(run, device=group.device, precision=wanted.precision, weights=weights)
                check_run()  # later it may change: then these are the emissions of what it was, as the receipt says
            placed = [opened.placement.device.type, str(opened.placement.dtype)]
            # Everything that can change a number: an interrupted attempt is only continued with the same settings.
            key = digest_json([receipt.fingerprint, wanted.max_frames, wanted.chunk, *placed])
            batches = batches_by_length(clips.lengths, wanted.max_frames)
            least = opened.scorer.least if opened.scorer is not None else None
            parts = Parts(folder / key, batches, wanted.dtype, least)
            _make(opened, clips, parts, group, wanted.chunk)
            group.wait()
            if group.is_main:
                keep = named and not force
                _write(out, opened, run, calibration, clips, parts, receipt, group.world_size, keep=keep)
                remove_folder(folder)  # also the files of attempts with other settings
            group.wait()
        return group.is_main


def _remove_parts(folder: Path) -> None:
    """Remove what a job that was killed after it wrote the file has left, unless another works with it now."""
    if folder.is_dir():
        with suppress(SlaError, OSError), locked_while_made(folder, _busy(folder)):
            shutil.rmtree(folder)


def _make(opened: OpenedModel, clips: SeenClips, parts: Parts, group: ProcessGroup, chunk: int) -> None:
    """Compute this process's batches that no earlier attempt has finished."""
    mine = range(group.rank, len(parts.batches), group.world_size)
    missing = parts.missing(mine)
    batches = [parts.batches[number] for number in missing]
    todo = sum(map(len, batches))
    if done := sum(len(parts.batches[number]) for number in mine) - todo:
        log.info("%s before", counted(done, "clip was finished", "clips were finished"))
    share = f", process {group.rank} of {group.world_size}" if group.world_size > 1 else ""
    network, scorer = opened.network, opened.scorer
    emitted = emit_batches(network, clips, opened.config, opened.placement, batches, chunk, scorer)
    with closing(emitted), progress(f"emissions of {clips.split.name}{share}", todo) as advance:
        for number, emissions in zip(missing, emitted, strict=True):
            parts.keep(number, emissions)
            advance(len(emissions))


def _write(
    out: Path,
    opened: OpenedModel,
    run: Run,
    calibration: Calibration,
    clips: SeenClips,
    parts: Parts,
    receipt: Receipt,
    processes: int,
    *,
    keep: bool,
) -> None:
    split = clips.split
    header = EmissionHeader(
        corpus=split.corpus,
        split=split.name,
        glosses=opened.glosses,
        stride=opened.stride,
        store=str(split.store.resolve()),
        run=str(run.path.resolve()),
        profile=split.profile,
        division=split.division,
        calibration=calibration,
    )
    with making(out, receipt, kind=EMISSIONS, keep=keep, force=True) as artifact:

        def check(new: Path) -> bool:
            try:
                check_same_clips(split)
            except SlaError:
                remove_folder(parts.folder)  # somebody may have been left out, who is in it
                raise
            return artifact.check(new)

        artifact.begin()
        write_emissions(out, header, parts.joined(clips), parts.dtype, check=check)
        artifact.results = {
            "clips": len(split),
            "device": str(opened.placement.device),
            "precision": str(opened.placement.dtype),
            "merged": opened.merged,
            "processes": processes,
        }


@contextmanager
def _alone(folder: Path, group: ProcessGroup) -> Iterator[Path]:
    """Lock the file against other jobs while the processes of this one work on it."""
    if not group.is_main:
        group.wait()
        yield folder
        return
    with locked_while_made(folder, _busy(folder), wait=True):
        group.wait()
        yield folder


def _busy(folder: Path) -> str:
    return f"another process is making {folder.name[1:].removesuffix(PARTS)}"
