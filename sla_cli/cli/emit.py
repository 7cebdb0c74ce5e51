"""sla emit"""

import os
from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Device, Force, Json, Quiet, Verbose, Work, answer
from sla_cli.config import EmitConfig
from sla_cli.errors import SlaError


def emit(
    run: Annotated[Path | None, typer.Argument(help="Run folder; the newest without it.")] = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "dev",
    device: Device = "auto",
    precision: Annotated[
        str, typer.Option(help="fp32, bf16 or fp16 (GPU); auto is what the run was trained in, where the device can.")
    ] = EmitConfig.precision,
    dtype: Annotated[
        str, typer.Option(help="Of the log-probabilities on disk: float32, or float16 in half the room.")
    ] = EmitConfig.dtype,
    max_frames: Annotated[
        int, typer.Option(help="Most video frames in a batch: fewer need less memory.", min=1)
    ] = EmitConfig.max_frames,
    store: Annotated[Path | None, typer.Option(help="Store folder; the run's own without it.")] = None,
    weights: Annotated[str | None, typer.Option(help="The backbone's weights, where they have moved.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the emissions here.")] = None,
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """A run's log-probabilities of every clip of a split, which `sla decode` starts from.

    `sla decode` makes them itself where there are none; this command is for
    another precision, for a GPU while decoding runs elsewhere, or for several
    GPUs: torchrun --nproc-per-node 4 -m sla_cli emit. Interrupted, it goes on
    where it was.
    """
    from sla_cli.emit.emit import emit as make
    from sla_cli.formats.emissions import Emissions
    from sla_cli.formats.receipt import read_receipt
    from sla_cli.formats.run import Run
    from sla_cli.formats.store import Store
    from sla_cli.formats.work import Work as WorkFolder

    how = EmitConfig.checked(precision=precision, dtype=dtype, max_frames=max_frames)
    folder = WorkFolder(work)
    if output is not None and output.is_file() and read_receipt(output) is None and not force:
        raise SlaError(f"{output} exists", "Use --force to replace it.")
    source = Run(run or folder.newest_run())
    clips = Store(store or source.store)[split]
    out = output or folder.emissions / source.path.name / f"{split}.h5"
    make(source, clips, out, device=device, weights=weights, how=how, force=force)
    if os.environ.get("RANK", "0") != "0":
        return  # one process of torchrun's speaks
    made = Emissions(out)
    steps = int(made.offsets[-1])
    answer(
        f"emissions {out}: {len(made)} clips, {steps} steps",
        {"emissions": str(out), "clips": len(made), "steps": steps, "dtype": dtype},
        as_json,
    )
