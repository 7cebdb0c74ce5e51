"""sla emit"""

from pathlib import Path
from typing import Annotated, Literal

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
)
from sla_cli.config.settings import EmitConfig, Precision
from sla_cli.core.counted import counted


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
    from sla_cli.work.emissions import Emissions, emissions_path
    from sla_cli.work.folder import Work as WorkFolder
    from sla_cli.work.model_folder import find_trained

    how = EmitConfig.checked(precision=precision, dtype=dtype, max_frames=max_frames)
    folder = WorkFolder(work)
    store = folder.store_if_given(store)
    source = find_trained(folder.run_given(run))
    found = Store(store) if store else source.own_clips()
    clips = found[split or found.default_split]
    out = output or emissions_path(folder.emissions, source, clips)
    named = output is not None
    if not make(source, clips, out, device=device, weights=weights, how=how, named=named, force=force):
        return  # one process of torchrun prints
    made = Emissions(out)
    steps = int(made.offsets[-1])
    answer(
        f"emissions {out}: {counted(len(made), 'clip')}, {counted(steps, 'step')}",
        Emitted(emissions=out, clips=len(made), steps=steps, dtype=dtype),
        as_json,
    )
