"""sla emit"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sla_cli.cli.options import (
    WORK,
    BackboneWeights,
    Device,
    Force,
    Json,
    SplitName,
    StoreFolder,
    Work,
    answer,
    weights_file,
)
from sla_cli.config.settings import EmitConfig, Precision
from sla_cli.core.counted import counted
from sla_cli.errors import SlaError
from sla_cli.log import log

if TYPE_CHECKING:
    from sla_cli.work.work import Work as WorkFolder


def emit(
    run: Annotated[Path | None, typer.Argument(help="Run, by name or folder. Default: the newest.")] = None,
    split: Annotated[
        SplitName | None, typer.Option(help="Which split of the store.", show_default="dev, or the only split")
    ] = None,
    device: Device = "auto",
    precision: Annotated[
        Precision,
        typer.Option(help="Precision of the model. auto: as in training, if the device supports it. fp16 needs a GPU."),
    ] = EmitConfig.precision,
    dtype: Annotated[
        Literal["float32", "float16"],
        typer.Option(help="Type of the log-probabilities on disk; float16 needs half the space."),
    ] = EmitConfig.dtype,
    max_frames: Annotated[
        int, typer.Option(help="Maximum number of video frames per batch; a smaller one needs less memory.", min=1)
    ] = EmitConfig.max_frames,
    store: StoreFolder = None,
    weights: BackboneWeights = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Emissions file to write, instead of one in the work folder.")
    ] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compute a run's log-probabilities of every clip of a split; `sla decode` starts from them.

    `sla decode` computes missing emissions itself. Use this command for another
    precision, to decode on another machine, or for several GPUs:
    torchrun --nproc-per-node 4 -m sla_cli emit. After an interruption, run it
    again: finished batches are kept.
    """
    from sla_cli.cli.results.recognition import Emitted
    from sla_cli.emit.emit import emit as make
    from sla_cli.store.store import Store
    from sla_cli.work.emissions import Emissions, emission_receipt, emissions_path, is_current
    from sla_cli.work.kind import EMISSIONS
    from sla_cli.work.output import check_output
    from sla_cli.work.run import Run
    from sla_cli.work.work import Work as WorkFolder

    how = EmitConfig.checked(precision=precision, dtype=dtype, max_frames=max_frames)
    folder = WorkFolder(work)
    source = Run(folder.run_given(run))
    found = Store(store) if store else source.own_clips()
    clips = found[split or found.default_split]
    if output is not None:
        check_output(output, EMISSIONS, inputs=(weights_file(weights),), replace=True)  # before it is read
        current = is_current(output, emission_receipt(source, clips), clips)
        check_output(output, EMISSIONS, replace=force or current)
    out = output or emissions_path(folder.emissions, source, clips)
    make(source, clips, out, device=device, weights=weights, how=how, force=force)
    if os.environ.get("RANK", "0") != "0":
        return  # one process of torchrun prints
    made = Emissions(out)
    steps = int(made.offsets[-1])
    answer(
        f"emissions {out}: {counted(len(made), 'clip')}, {counted(steps, 'step')}",
        Emitted(emissions=out, clips=len(made), steps=steps, dtype=dtype),
        as_json,
    )


def find_emissions(
    source: Path | None,
    split: SplitName | None,
    folder: "WorkFolder",
    store: Path | None,
    weights: str | None,
    device: str,
) -> Path:
    """The emissions file that was given, or the run's, which is made if no file matches."""
    from sla_cli.store.store import Store
    from sla_cli.work.emissions import Emissions, emission_receipt, emissions_path, is_current
    from sla_cli.work.run import Run, warn_of_changed, warn_of_unknown

    source = folder.run_given(source)
    if source.is_file():
        holds = Emissions(source).header.split
        if split not in (None, holds):
            raise SlaError(f"{source} holds emissions of {holds}, but --split is {split}", "Leave --split out.")
        return source
    if not source.exists():
        raise SlaError(f"no such run or emissions: {source}", "`sla train` makes runs, `sla emit` emissions.")
    run = Run(source)
    found = Store(store) if store else run.own_clips()
    clips = found[split or found.default_split]
    emissions = emissions_path(folder.emissions, run, clips)
    if is_current(emissions, emission_receipt(run, clips), clips):
        warn_of_changed(run, clips)
        warn_of_unknown(run, clips)
        if untimed := int((Emissions(emissions).fps == 0).sum()):
            log.warning("unknown frame rate, so no times in seconds: %s", counted(untimed, "clip"))
    else:
        from sla_cli.emit.emit import emit

        emit(run, clips, emissions, device=device, weights=weights)
    return emissions
