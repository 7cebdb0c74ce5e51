"""sla decode"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sla_cli.cli.options import WORK, Device, Force, Json, Quiet, Verbose, Work, answer
from sla_cli.config import DecodeConfig


def decode(
    run: Annotated[Path | None, typer.Argument(help="Run folder; the newest without it.")] = None,
    split: Annotated[str, typer.Option(help="train, dev or test.")] = "dev",
    lm: Annotated[Path | None, typer.Option(help="Gloss n-gram model: ARPA, also .gz, or KenLM binary.")] = None,
    beam: Annotated[int, typer.Option(help="Beam width; 1 without --lm is greedy.", min=1)] = DecodeConfig.beam,
    alpha: Annotated[float, typer.Option(help="Weight of the language model.")] = DecodeConfig.alpha,
    beta: Annotated[float, typer.Option(help="Reward a gloss, with --lm.")] = DecodeConfig.beta,
    store: Annotated[Path | None, typer.Option(help="Store folder; the run's own without it.")] = None,
    weights: Annotated[str | None, typer.Option(help="The backbone's weights, where they have moved.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the hypotheses here.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes of the beam search.", min=1)] = 1,
    device: Device = "auto",
    work: Work = WORK,
    force: Force = False,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Beam search over a run's emissions, with an optional gloss language model.

    Emissions are made first where there are none that match; decoding itself needs neither GPU nor torch.
    """
    from sla_cli.decode.lm_file import open_lm
    from sla_cli.decode.run import decode_file
    from sla_cli.decode.split import BeamOptions
    from sla_cli.formats.emissions import emission_receipt, is_current
    from sla_cli.formats.run import Run, check_glosses
    from sla_cli.formats.store import Store
    from sla_cli.formats.work import Work as WorkFolder

    folder = WorkFolder(work)
    options = BeamOptions(beam, alpha, beta, lm)
    if lm is not None:
        open_lm(lm)  # a wrong file is refused before minutes of emissions
    source = Run(run or folder.newest_run())
    clips = Store(store or Path(source.facts["store"]))[split]
    check_glosses(source, clips)
    emissions = folder.emissions / source.path.name / f"{split}.h5"
    if not is_current(emissions, emission_receipt(source, clips)):
        from sla_cli.emit import emit

        emit(source, clips, emissions, device=device, weights=weights)
    path, hypotheses = decode_file(
        emissions, folder.hypotheses / source.path.name, options, out=output, jobs=jobs, force=force
    )
    glosses = sum(len(hypothesis.glosses) for hypothesis in hypotheses)
    answer(
        f"hypotheses {path}: {len(hypotheses)} clips, {glosses} glosses",
        {"hypotheses": str(path), "clips": len(hypotheses), "glosses": glosses},
        as_json,
    )
